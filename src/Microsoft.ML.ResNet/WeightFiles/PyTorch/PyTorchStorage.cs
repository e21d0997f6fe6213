namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>The memory that one or several tensors lie in, as a pickle refers to it.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">The type of its elements, or null where the tensor says it.</param>
/// <param name="ElementCount">The number of its elements; of bytes where the type is null.</param>
/// <param name="ViewOffset">The element at which a view of the storage begins.</param>
internal sealed record PyTorchStorage(string Key, WeightElementType? Type, long ElementCount, long ViewOffset)
{
    private const long MaximumElements = long.MaxValue / 16;

    public long ByteCount => ElementCount * (Type?.Size() ?? 1);

    /// <summary>Reads <c>('storage', class, key, device, count[, view])</c>.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static PyTorchStorage Of(object? persistentId)
    {
        if (persistentId is not object?[] { Length: 5 or 6 } parts || parts[0] is not string kind)
        {
            throw new InvalidDataException("the pickle refers to something outside that is no storage.");
        }

        if (kind != "storage")
        {
            throw new InvalidDataException($"the pickle refers to a '{kind}', which may hold code, and is not followed. Save the state alone: torch.save(model.state_dict(), path).");
        }

        if (parts[1] is not PickleGlobal type || parts[2] is not string key || parts[4] is not long count || count is < 0 or > MaximumElements)
        {
            throw new InvalidDataException("the pickle has a storage without type, name or size.");
        }

        long viewOffset = 0;
        if (parts.Length == 6 && parts[5] is object?[] view)
        {
            viewOffset = view is [_, long offset, long] && offset >= 0 && offset <= count
                ? offset
                : throw new InvalidDataException($"the storage '{key}' has a view out of its range.");
        }

        return new PyTorchStorage(key, PickleGlobals.StorageType(type), count, viewOffset);
    }
}
