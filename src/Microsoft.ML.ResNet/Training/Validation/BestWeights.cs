using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>A copy of the best weights so far, in the processor's memory.</summary>
internal sealed class BestWeights : IDisposable
{
    /// <summary>All parameters and buffers by name, or null while there are none.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)>? Entries { get; private set; }

    /// <summary>Copies the weights of a network over those kept before.</summary>
    public void Keep(ResidualNetwork network)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Entries ??= Room(network, scope);
        foreach (var ((_, kept), (_, current)) in Entries.Zip(network.StateEntries))
        {
            kept.copy_(current);
        }
    }

    /// <summary>Tensors for a network's weights, to be filled.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Allocate(ResidualNetwork network)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return Entries ??= Room(network, scope);
    }

    public void Dispose()
    {
        foreach (var (_, tensor) in Entries ?? [])
        {
            tensor.Dispose();
        }

        Entries = null;
    }

    private static List<(string Name, Tensor Tensor)> Room(ResidualNetwork network, DisposeScope scope)
    {
        List<(string Name, Tensor Tensor)> entries = [.. network.StateEntries.Select(entry => (entry.Name, empty(entry.Tensor.shape, entry.Tensor.dtype)))];
        scope.Detach(entries.Select(entry => entry.Tensor));
        return entries;
    }
}
