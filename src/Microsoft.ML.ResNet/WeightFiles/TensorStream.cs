using System.IO.Hashing;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.WeightFiles;

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
            stream.Write(Data(tensor));
        }
    }

    /// <summary>The CRC-32 of the data that <see cref="Write"/> writes after the header.</summary>
    public static uint Checksum(IEnumerable<Tensor> tensors)
    {
        var checksum = new Crc32();
        foreach (Tensor tensor in tensors)
        {
            using var scope = NewDisposeScope();
            checksum.Append(Data(tensor));
        }

        return checksum.GetCurrentHashAsUInt32();
    }

    /// <summary>Fills tensors, in place, from the data that follows a header. Its entries must be exactly the tensors.</summary>
    /// <param name="entries">The header's entries.</param>
    /// <param name="targets">The tensors by name.</param>
    /// <exception cref="InvalidDataException">Entries are missing, unexpected or of another shape or type; or the file is cut short.</exception>
    public static void Read(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, Tensor> targets, Stream stream)
    {
        Check(entries, targets.Select(target => (target.Key, (IReadOnlyList<long>)target.Value.shape, target.Value.dtype)), stream);
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

    /// <summary>Checks that the entries of a header are exactly those that are expected, and that their data are there where the stream can tell.</summary>
    /// <exception cref="InvalidDataException">They aren't.</exception>
    public static void Check(IReadOnlyList<SafetensorsEntry> entries, IEnumerable<(string Name, IReadOnlyList<long> Shape, ScalarType Type)> expected, Stream stream)
    {
        List<string> faults = [];
        var layout = expected.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        HashSet<string> names = entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(layout.Keys.Where(name => !names.Contains(name)).Select(name => $"'{name}' is missing"));
        foreach (SafetensorsEntry entry in entries)
        {
            if (!layout.TryGetValue(entry.Name, out var target))
            {
                faults.Add($"'{entry.Name}' is unexpected");
            }
            else if (entry.DType != DTypeName(target.Type) || !entry.Shape.SequenceEqual(target.Shape))
            {
                faults.Add($"'{entry.Name}' is {entry.DType} [{string.Join(", ", entry.Shape)}], expected {DTypeName(target.Type)} [{string.Join(", ", target.Shape)}]");
            }
        }

        if (faults.Count > 0)
        {
            const int shown = 10;
            string more = faults.Count > shown ? $", and {faults.Count - shown} more" : "";
            throw new InvalidDataException($"The weights don't fit the network: {string.Join("; ", faults.Take(shown))}{more}.");
        }

        long present = stream is ChecksumStream known ? known.Remaining : stream.CanSeek ? stream.Length - stream.Position : long.MaxValue;
        if (entries.FirstOrDefault(entry => entry.End > present) is { } cut)
        {
            throw CutShort(cut);
        }
    }

    /// <summary>The values in row-major order, in memory of the enclosing scope.</summary>
    private static Span<byte> Data(Tensor tensor)
    {
        using var noGradient = no_grad();
        return tensor.detach().cpu().contiguous().bytes;
    }

    /// <summary>Reads in pieces, so that a file that ends too early costs no more than it holds.</summary>
    private static void ReadBytes(Stream stream, SafetensorsEntry entry, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            Span<byte> chunk = destination[..Math.Min(ChunkSize, destination.Length)];
            if (stream.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false) < chunk.Length)
            {
                throw CutShort(entry);
            }

            destination = destination[chunk.Length..];
        }
    }

    private static InvalidDataException CutShort(SafetensorsEntry entry) => new($"The weights end within '{entry.Name}': the file is cut short.");

    public static string DTypeName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "F32",
        ScalarType.Int64 => "I64",
        _ => throw new NotSupportedException($"A network has no state of type {type}."),
    };
}
