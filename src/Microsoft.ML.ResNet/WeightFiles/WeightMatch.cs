using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Compares the entries of a weights file with those that a network has, by name, shape and kind of number.</summary>
internal static class WeightMatch
{
    private const int FaultsShown = 10;
    private const string Counter = ".num_batches_tracked";

    /// <summary>Whether the entry counts batches: old files and other formats have none, and nothing is computed from it.</summary>
    public static bool IsCounter(string name) => name.EndsWith(Counter, StringComparison.Ordinal);

    /// <summary>What is wrong with the entries for a network of this layout, in one sentence, or null where they fit.</summary>
    public static string? Faults(IEnumerable<WeightTensor> tensors, IEnumerable<StateEntryLayout> layout)
    {
        Dictionary<string, WeightTensor> byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        List<string> missing = [], misshapen = [], integers = [];
        foreach (StateEntryLayout entry in layout)
        {
            if (!byName.Remove(entry.Name, out WeightTensor? tensor))
            {
                if (!IsCounter(entry.Name))
                {
                    missing.Add($"'{entry.Name}'");
                }
            }
            else if (!tensor.Type.IsFloatingPoint() && !IsCounter(entry.Name))
            {
                integers.Add($"'{entry.Name}' is {tensor.Type}, expected floating point");
            }
            else if (!Fits(tensor, entry))
            {
                misshapen.Add($"'{entry.Name}' is [{string.Join(", ", tensor.Shape)}], expected [{string.Join(", ", entry.Shape)}]");
            }
        }

        List<string> unexpected = [.. byName.Keys.Select(name => $"'{name}'")];
        string[] parts = [.. new[] { Part("missing", missing), Part("unexpected", unexpected), Part("misshapen", misshapen), Part("of integers", integers) }.OfType<string>()];
        return parts.Length == 0 ? null : string.Join("; ", parts);
    }

    private static bool Fits(WeightTensor tensor, StateEntryLayout entry)
        => IsCounter(entry.Name) ? tensor.ElementCount == 1 : tensor.Shape.SequenceEqual(entry.Shape);

    private static string? Part(string kind, List<string> faults)
        => faults.Count == 0 ? null
            : $"{faults.Count} {kind}: {string.Join(", ", faults.Take(FaultsShown))}{(faults.Count > FaultsShown ? $" and {faults.Count - FaultsShown} more" : "")}";
}
