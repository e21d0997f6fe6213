using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Writes a network's state as safetensors with torchvision's names, and reads it back.</summary>
internal static class NetworkWeights
{
    // "pt" is what PyTorch's own loader looks for.
    private static readonly Dictionary<string, string> PyTorchMetadata = new() { ["format"] = "pt" };

    /// <summary>Writes the entries of the state, in its order.</summary>
    /// <param name="metadata">The texts of the file's metadata; null: what PyTorch's loader looks for.</param>
    /// <param name="includeHead">Whether the classifier is part of it.</param>
    public static void Write(ResidualNetwork network, Stream stream, IReadOnlyDictionary<string, string>? metadata = null, bool includeHead = true)
        => TensorStream.Write(State(network, includeHead), metadata ?? PyTorchMetadata, stream);

    /// <summary>Writes a copy of a network's state, in its order.</summary>
    public static void Write(IReadOnlyList<(string Name, Tensor Tensor)> state, Stream stream) => TensorStream.Write(state, PyTorchMetadata, stream);

    /// <summary>A copy of every entry of the state, in its order.</summary>
    public static IReadOnlyList<WeightTensor> Copy(ResidualNetwork network)
    {
        List<WeightTensor> tensors = [];
        foreach (var (name, tensor) in network.StateEntries)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            tensors.Add(new WeightTensor(name, tensor.shape, ElementTypes.OfSafetensors(TensorStream.DTypeName(tensor.dtype))!.Value, tensor.detach().cpu().contiguous().bytes.ToArray()));
        }

        return tensors;
    }

    /// <summary>Makes a network with the weights of a file whose entries must be exactly the network's: they are compared before memory is taken for it.</summary>
    /// <param name="includeHead">Whether the classifier is part of the file; otherwise it is zero.</param>
    /// <param name="nonFiniteCount">The values that are NaN or infinite.</param>
    /// <exception cref="InvalidDataException">Entries are missing, unexpected or of another shape or type; or the file is damaged or cut short.</exception>
    public static ResidualNetwork Read(ResNetSpecification specification, int channels, int classCount, Stream stream, bool includeHead, out long nonFiniteCount)
    {
        var (entries, _) = SafetensorsHeader.Read(stream);
        TensorStream.Check(
            entries,
            StateDictLayout.Of(specification, channels, classCount).Where(entry => includeHead || !Head.Owns(entry.Name)).Select(entry => (entry.Name, entry.Shape, entry.Type)),
            stream);
        var network = new ResidualNetwork(specification, channels, classCount, seed: null);
        try
        {
            TensorStream.Read(entries, State(network, includeHead).ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal), stream);
            nonFiniteCount = NonFiniteCount(network);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The weights and running statistics that are NaN or infinite, and the variances that make scores so (<see cref="WeightTensor.NonFiniteCount"/>).</summary>
    public static long NonFiniteCount(ResidualNetwork network)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();

        // A sum that is finite has finite terms alone, and needs no memory. Another may come of large terms.
        return network.StateEntries.Where(entry => entry.Tensor.dtype == ScalarType.Float32 && !float.IsFinite(entry.Tensor.sum().item<float>()))
            .Sum(entry => entry.Tensor.NumberOfElements - entry.Tensor.isfinite().sum().item<long>())
            + network.StateEntries.Where(entry => WeightTensor.IsVariance(entry.Name)).Sum(entry => entry.Tensor.detach().cpu().data<float>().LongCount(value => float.IsFinite(value) && value <= WeightTensor.SmallestVariance));
    }

    private static (string Name, Tensor Tensor)[] State(ResidualNetwork network, bool includeHead)
        => [.. network.StateEntries.Where(entry => includeHead || !Head.Owns(entry.Name))];
}
