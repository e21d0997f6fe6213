using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>Finds for each entry of a network's state the tensor to take its values from.</summary>
internal static class StateMatch
{
    // A wrong file would otherwise list hundreds of names.
    private const int FaultsShown = 5;

    /// <exception cref="ArgumentException">The two don't match; the message lists the first faults and their number.</exception>
    public static IReadOnlyList<(Tensor Target, Tensor Source)> Pair(
        IReadOnlyList<(string Name, Tensor Tensor)> targets, IEnumerable<(string Name, Tensor Tensor)> sources)
    {
        Dictionary<string, Tensor> byName = [];
        List<string> faults = [];
        foreach ((string name, Tensor tensor) in sources)
        {
            if (!byName.TryAdd(name, tensor))
            {
                faults.Add($"'{name}' is given twice.");
            }
        }

        List<(Tensor, Tensor)> pairs = [];
        foreach ((string name, Tensor target) in targets)
        {
            if (!byName.Remove(name, out Tensor? source))
            {
                faults.Add($"'{name}' is missing.");
            }
            else if (!source.shape.SequenceEqual(target.shape) || source.dtype != target.dtype)
            {
                faults.Add($"'{name}' is {Describe(source)}, expected {Describe(target)}.");
            }
            else
            {
                pairs.Add((target, source));
            }
        }

        faults.AddRange(byName.Keys.Select(name => $"'{name}' is not part of this network."));
        return faults.Count == 0
            ? pairs
            : throw new ArgumentException(
                $"The state does not fit the network ({faults.Count} faults): {string.Join(" ", faults.Take(FaultsShown))}", nameof(sources));
    }

    private static string Describe(Tensor tensor) => $"[{string.Join(",", tensor.shape)}] {tensor.dtype}";
}
