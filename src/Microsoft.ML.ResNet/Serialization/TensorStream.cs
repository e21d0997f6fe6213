using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Serialization;

/// <summary>Writes named tensors as safetensors and reads them back into tensors that are there already.</summary>
internal static class TensorStream
{
    private const int ChunkSize = 1 << 20;

    /// <summary>Writes tensors in the order given.</summary>
    public static void Write(IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string> metadata, Stream stream)
    {
        List<SafetensorsEntry> header = [];
        long position = 0;
        foreach (var (name, tensor) in tensors)
        {
            long size = tensor.NumberOfElements * tensor.ElementSize;
            header.Add(new SafetensorsEntry(name, DTypeName(tensor.dtype), tensor.shape, position, position + size));
            position += size;
        }

        SafetensorsHeader.Write(stream, header, metadata);
        foreach (var (_, tensor) in tensors)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            stream.Write(tensor.detach().cpu().contiguous().bytes);
        }
    }

    /// <summary>Fills tensors, in place, from the data that follows a header. Its entries must be exactly the tensors.</summary>
    /// <param name="entries">The header's entries.</param>
    /// <param name="targets">The tensors by name.</param>
    /// <exception cref="InvalidDataException">Entries are missing, unexpected or of another shape or type; or the file is cut short.</exception>
    public static void Read(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, Tensor> targets, Stream stream)
    {
        CheckEntries(entries, targets);
        using var noGradient = no_grad();
        foreach (SafetensorsEntry entry in entries)
        {
            using var scope = NewDisposeScope();
            Tensor target = targets[entry.Name];
            Tensor values = empty([.. entry.Shape], target.dtype);
            ReadBytes(stream, entry, values.bytes);
            target.copy_(values);
        }
    }

    private static void CheckEntries(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, Tensor> targets)
    {
        List<string> faults = [];
        HashSet<string> names = entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(targets.Keys.Where(name => !names.Contains(name)).Select(name => $"'{name}' is missing"));
        foreach (SafetensorsEntry entry in entries)
        {
            if (!targets.TryGetValue(entry.Name, out Tensor? tensor))
            {
                faults.Add($"'{entry.Name}' is unexpected");
            }
            else if (entry.DType != DTypeName(tensor.dtype) || !entry.Shape.SequenceEqual(tensor.shape))
            {
                faults.Add($"'{entry.Name}' is {entry.DType} [{string.Join(", ", entry.Shape)}], expected {DTypeName(tensor.dtype)} [{string.Join(", ", tensor.shape)}]");
            }
        }

        if (faults.Count > 0)
        {
            const int shown = 10;
            string more = faults.Count > shown ? $", and {faults.Count - shown} more" : "";
            throw new InvalidDataException($"The weights don't fit the network: {string.Join("; ", faults.Take(shown))}{more}.");
        }
    }

    /// <summary>Reads in pieces, so that a file that ends too early costs no more than it holds.</summary>
    private static void ReadBytes(Stream stream, SafetensorsEntry entry, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            Span<byte> chunk = destination[..Math.Min(ChunkSize, destination.Length)];
            if (stream.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false) < chunk.Length)
            {
                throw new InvalidDataException($"The weights end within '{entry.Name}': the file is cut short.");
            }

            destination = destination[chunk.Length..];
        }
    }

    public static string DTypeName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "F32",
        ScalarType.Int64 => "I64",
        _ => throw new NotSupportedException($"A network has no state of type {type}."),
    };
}
