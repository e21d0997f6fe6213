using System.Globalization;
using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Sets a share of every class aside for validation, at random.</summary>
internal static class StratifiedSplit
{
    /// <summary>Splits rows by their classes; the same seed splits the same way.</summary>
    /// <param name="labels">The class of each row.</param>
    /// <param name="fraction">The share of each class that is set aside, above 0 and below 1; rounded, and never the whole class.</param>
    /// <returns>Positions in <paramref name="labels"/>, each in one of the two, both ascending.</returns>
    public static (int[] Training, int[] Validation) Of(int[] labels, double fraction, long seed)
    {
        List<int> training = [], validation = [];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, labels.Length).GroupBy(row => labels[row]))
        {
            int[] rows = [.. group];
            SplitMix64.ForRow(seed, epoch: 0, group.Key, RandomStream.Split).Shuffle(rows);
            int aside = Math.Min((int)Math.Round(rows.Length * fraction, MidpointRounding.AwayFromZero), rows.Length - 1);
            validation.AddRange(rows[..aside]);
            training.AddRange(rows[aside..]);
        }

        training.Sort();
        validation.Sort();
        return ([.. training], [.. validation]);
    }

    /// <summary>What to do where nothing is set aside.</summary>
    /// <param name="labels">The class of each row.</param>
    public static string Advice(int[] labels)
    {
        int largest = labels.GroupBy(label => label).Max(rows => rows.Count());
        if (largest == 1)
        {
            return "Every class has one image, and that is never set aside, whatever ValidationFraction is. Add images, give a ValidationSet, or leave ValidationFraction at 0.";
        }

        // Half an image is rounded up.
        double least = Math.Ceiling(50_000.0 / largest) / 100_000;
        return string.Create(CultureInfo.InvariantCulture, $"Raise ValidationFraction to {least} or more, which sets aside one of the {largest} images of the largest class, or give a ValidationSet.");
    }
}
