namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>
/// Reads the entries of a safetensors file. It copies each entry from the file with positional reads: a memory map would end the process
/// where another one cuts the file meanwhile.
/// </summary>
internal static class SafetensorsReader
{
    /// <exception cref="InvalidDataException">The file is damaged, cut short, or has bytes that belong to no entry.</exception>
    public static IReadOnlyList<WeightTensor> Read(Stream stream) => ReadWithMetadata(stream).Tensors;

    /// <summary>The same, and what the file says beside its entries.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, cut short, or has bytes that belong to no entry.</exception>
    public static (IReadOnlyList<WeightTensor> Tensors, IReadOnlyDictionary<string, string> Metadata) ReadWithMetadata(Stream stream)
    {
        var (entries, metadata) = SafetensorsHeader.Read(stream);
        long expected = entries.Count == 0 ? 0 : entries[^1].End, present = stream.Length - stream.Position;
        if (expected != present)
        {
            throw new InvalidDataException($"the safetensors header describes {expected} bytes of data, but the file has {present}. It was cut short or damaged: copy it again.");
        }

        List<WeightTensor> tensors = [];
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.ByteCount > Array.MaxLength)
            {
                throw new InvalidDataException($"the entry '{entry.Name}' has {entry.ByteCount} bytes, more than one entry of a network has.");
            }

            byte[] data = GC.AllocateUninitializedArray<byte>((int)entry.ByteCount);
            stream.ReadExactly(data);
            tensors.Add(new WeightTensor(entry.Name, entry.Shape, ElementTypes.OfSafetensors(entry.DType)!.Value, data));
        }

        return (tensors, metadata);
    }
}
