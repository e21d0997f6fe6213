using System.Globalization;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>How many rows each class has in the training set, and what a user should know of classes with few.</summary>
/// <param name="training">The classes of the training set's rows.</param>
/// <param name="names">The classes in key order.</param>
internal sealed class ClassRows(IEnumerable<int> training, string[] names)
{
    private readonly int[] _counts = Count(training, names.Length);

    /// <summary>The classes that have rows.</summary>
    public string[] Present => [.. names.Where((_, label) => _counts[label] > 0)];

    /// <summary>One sentence on classes without a row, and one on those with a single one.</summary>
    public IEnumerable<string> TrainingWarnings()
    {
        if (Named(count => count == 0) is { } empty)
        {
            yield return $"{empty} have no row in the training set: the network can't learn them, and gives them scores all the same. "
                + "Check that no filter took their rows away, or fit MapValueToKey on the training set alone.";
        }

        if (Named(count => count == 1) is { } single)
        {
            yield return $"{single} have one row only in the training set: the network can learn little of them, and none of it is set aside for validation. Add images of these classes.";
        }
    }

    /// <summary>A sentence on validation rows whose class is not trained.</summary>
    public IEnumerable<string> ValidationWarnings(IEnumerable<int> validation)
    {
        int[] counts = Count(validation, names.Length);
        int[] unknown = [.. Enumerable.Range(0, counts.Length).Where(label => counts[label] > 0 && _counts[label] == 0)];
        if (unknown.Length > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{unknown.Sum(label => counts[label])} of {counts.Sum()} validation rows have a class that no training row has ({List(unknown)}): they count as wrong. Take both sets from the same data, or leave these rows out.");
        }
    }

    private static int[] Count(IEnumerable<int> labels, int classCount)
    {
        int[] counts = new int[classCount];
        foreach (int label in labels)
        {
            if (label != LabelColumn.Missing)
            {
                counts[label]++;
            }
        }

        return counts;
    }

    private string? Named(Func<int, bool> isMeant)
    {
        int[] labels = [.. Enumerable.Range(0, _counts.Length).Where(label => isMeant(_counts[label]))];
        return labels.Length == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{labels.Length} of {_counts.Length} classes ({List(labels)})");
    }

    private string List(int[] labels)
    {
        const int shown = 10;
        return $"{string.Join(", ", labels.Take(shown).Select(label => $"'{names[label]}'"))}{(labels.Length > shown ? ", ..." : "")}";
    }
}
