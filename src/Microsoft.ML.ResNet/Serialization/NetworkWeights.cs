using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Serialization;

/// <summary>Writes a network's state as safetensors with torchvision's names, and reads it back.</summary>
internal static class NetworkWeights
{
    private const int ChunkSize = 1 << 20;

    /// <summary>Writes every entry of the state, in its order.</summary>
    /// <param name="includeHead">Whether the classifier is part of it.</param>
    public static void Write(ResidualNetwork network, Stream stream, bool includeHead = true)
    {
        var state = State(network, includeHead);
        List<SafetensorsEntry> header = [];
        long position = 0;
        foreach (var (name, tensor) in state)
        {
            long size = tensor.NumberOfElements * tensor.ElementSize;
            header.Add(new SafetensorsEntry(name, DTypeName(tensor.dtype), tensor.shape, position, position + size));
            position += size;
        }

        // "pt" is what PyTorch's own loader looks for.
        SafetensorsHeader.Write(stream, header, new Dictionary<string, string> { ["format"] = "pt" });
        foreach (var (_, tensor) in state)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            stream.Write(tensor.detach().cpu().contiguous().bytes);
        }
    }

    /// <summary>A copy of every entry of the state, in its order.</summary>
    public static IReadOnlyList<WeightTensor> Copy(ResidualNetwork network)
    {
        List<WeightTensor> tensors = [];
        foreach (var (name, tensor) in network.StateEntries)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            tensors.Add(new WeightTensor(name, tensor.shape, ElementTypes.OfSafetensors(DTypeName(tensor.dtype))!.Value, tensor.detach().cpu().contiguous().bytes.ToArray()));
        }

        return tensors;
    }

    /// <summary>Fills a network's state from a file whose entries must be exactly the network's.</summary>
    /// <exception cref="InvalidDataException">Entries are missing, unexpected or of another shape or type; or the file is damaged or cut short.</exception>
    public static void Read(ResidualNetwork network, Stream stream, bool includeHead = true)
    {
        var (entries, _) = SafetensorsHeader.Read(stream);
        Dictionary<string, Tensor> state = State(network, includeHead).ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
        CheckEntries(entries, state);
        using var noGradient = no_grad();
        foreach (SafetensorsEntry entry in entries)
        {
            using var scope = NewDisposeScope();
            Tensor target = state[entry.Name];
            Tensor values = empty([.. entry.Shape], target.dtype);
            ReadBytes(stream, entry, values.bytes);
            target.copy_(values);
        }
    }

    private static (string Name, Tensor Tensor)[] State(ResidualNetwork network, bool includeHead)
        => [.. network.StateEntries.Where(entry => includeHead || !WeightMatch.IsHead(entry.Name))];

    private static void CheckEntries(IReadOnlyList<SafetensorsEntry> entries, Dictionary<string, Tensor> state)
    {
        List<string> faults = [];
        HashSet<string> names = entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(state.Keys.Where(name => !names.Contains(name)).Select(name => $"'{name}' is missing"));
        foreach (SafetensorsEntry entry in entries)
        {
            if (!state.TryGetValue(entry.Name, out Tensor? tensor))
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

    private static string DTypeName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "F32",
        ScalarType.Int64 => "I64",
        _ => throw new NotSupportedException($"A network has no state of type {type}."),
    };
}
