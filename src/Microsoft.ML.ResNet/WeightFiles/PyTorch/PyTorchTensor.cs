namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>A tensor as a pickle describes it: a window into a storage, with steps.</summary>
/// <param name="Storage">Where its elements lie.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Offset">The element of the storage that is its first.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Strides">For each dimension, how far apart neighbours lie, in elements.</param>
internal sealed record PyTorchTensor(PyTorchStorage Storage, WeightElementType Type, long Offset, long[] Shape, long[] Strides)
{
    public long ElementCount => Shape.Aggregate(1L, (count, side) => count * side);

    /// <summary>Reads <c>(storage, offset, size, stride, ...)</c> and checks that the tensor lies within its storage.</summary>
    /// <exception cref="InvalidDataException">It doesn't, or the arguments are others.</exception>
    public static PyTorchTensor Of(object?[] arguments, WeightElementType? type = null)
    {
        if (arguments is not [PyTorchStorage storage, long offset, object?[] size, object?[] stride, ..])
        {
            throw new InvalidDataException("the pickle rebuilds a tensor from other arguments than storage, offset, size and stride.");
        }

        WeightElementType elementType = type ?? storage.Type ?? throw new InvalidDataException($"the tensor in the storage '{storage.Key}' has no type.");
        long capacity = storage.ByteCount / elementType.Size();
        if (size.Length != stride.Length || size.Length > SafetensorsHeader.MaximumRank || offset < 0)
        {
            throw new InvalidDataException($"the tensor in the storage '{storage.Key}' has {size.Length} dimensions and {stride.Length} strides, expected as many, at most {SafetensorsHeader.MaximumRank}.");
        }

        long[] shape = Numbers(size, storage), strides = Numbers(stride, storage);

        Int128 last = (Int128)offset + storage.ViewOffset, count = 1;
        bool isEmpty = shape.Contains(0);
        for (int i = 0; i < shape.Length; i++)
        {
            count = count > capacity ? count : count * shape[i];
            last += (Int128)(shape[i] - 1) * strides[i];
        }

        // A tensor that repeats its storage (expand) could grow a small file to any size; no network's state does.
        return isEmpty || (count <= capacity && last < capacity)
            ? new PyTorchTensor(storage, elementType, offset + storage.ViewOffset, shape, strides)
            : throw new InvalidDataException(
                $"the tensor of shape [{string.Join(", ", shape)}] and strides [{string.Join(", ", strides)}] at {offset} reaches beyond its storage '{storage.Key}' of {capacity} elements.");
    }

    /// <summary>Its bytes in row-major order, out of those of its storage.</summary>
    public byte[] Gather(ReadOnlySpan<byte> storage)
    {
        int elementSize = Type.Size();
        byte[] data = new byte[ElementCount * elementSize];
        if (data.Length == 0)
        {
            return data;
        }

        if (IsContiguous())
        {
            storage.Slice((int)(Offset * elementSize), data.Length).CopyTo(data);
            return data;
        }

        long[] index = new long[Shape.Length];
        long source = Offset;
        for (int target = 0; target < data.Length; target += elementSize)
        {
            storage.Slice((int)(source * elementSize), elementSize).CopyTo(data.AsSpan(target));
            for (int axis = Shape.Length - 1; axis >= 0; axis--)
            {
                source += Strides[axis];
                if (++index[axis] < Shape[axis])
                {
                    break;
                }

                source -= Strides[axis] * Shape[axis];
                index[axis] = 0;
            }
        }

        return data;
    }

    private bool IsContiguous()
    {
        long expected = 1;
        for (int axis = Shape.Length - 1; axis >= 0; axis--)
        {
            if (Shape[axis] != 1 && Strides[axis] != expected)
            {
                return false;
            }

            expected *= Shape[axis];
        }

        return true;
    }

    private static long[] Numbers(object?[] values, PyTorchStorage storage)
        => values.All(value => value is >= 0L)
            ? [.. values.Cast<long>()]
            : throw new InvalidDataException($"the tensor in the storage '{storage.Key}' has sizes or strides that are no numbers from 0.");
}
