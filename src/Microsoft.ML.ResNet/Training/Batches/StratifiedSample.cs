using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Chooses some rows at random, each class by its share.</summary>
internal static class StratifiedSample
{
    /// <summary>The same seed chooses the same rows; a smaller sample is part of a larger one.</summary>
    /// <param name="labels">The class of each row.</param>
    /// <param name="count">The rows to choose; at most all.</param>
    /// <returns>Positions in <paramref name="labels"/>, ascending.</returns>
    public static int[] Of(int[] labels, int count, long seed)
    {
        return [.. Places(labels, seed).Order().Take(count).Select(item => item.Row).Order()];
    }

    /// <summary>All rows, so that the first ones, as many as there are classes, are one of each class, and any more are each class by its share.</summary>
    /// <returns>Positions in <paramref name="labels"/>.</returns>
    public static int[] InOrder(int[] labels, long seed)
    {
        var taken = new HashSet<int>();
        return [.. Places(labels, seed).Order().OrderBy(item => !taken.Add(labels[item.Row])).Select(item => item.Row)];
    }

    /// <summary>The rows of each class, shuffled, at equal distances from 0 to 1.</summary>
    private static List<(double Place, int Row)> Places(int[] labels, long seed)
    {
        List<(double Place, int Row)> places = [];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, labels.Length).GroupBy(row => labels[row]))
        {
            int[] rows = [.. group];
            SplitMix64.ForRow(seed, epoch: 0, group.Key, RandomStream.Split).Shuffle(rows);
            places.AddRange(rows.Select((row, i) => ((i + 0.5) / rows.Length, row)));
        }

        return places;
    }
}
