using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.DataQuality;

/// <summary>Confident learning (Northcutt et al. 2021) with a linear classifier that is fitted to the other folds.</summary>
internal static class ConfidentLearning
{
    /// <summary>From the strongest on, each fit beginning where the one before ended.</summary>
    private static readonly double[] s_penalties = [1, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003];

    private const double Tolerance = 1e-4;

    /// <exception cref="InvalidOperationException">There are fewer than two classes, or fewer rows than folds.</exception>
    public static IReadOnlyList<LabelSuspicion> Find(FeatureRows data, int folds, int seed)
    {
        int present = data.Labels.Distinct().Count();
        if (present < 2 || data.Rows.Count < folds)
        {
            throw new InvalidOperationException($"The data have {data.Rows.Count} labelled rows of {present} {(present == 1 ? "class" : "classes")}, expected at least two classes and a row for each of {folds} folds.");
        }

        NativeTorch.EnsureLoaded();
        int classes = data.ClassNames.Count;
        double[] probabilities = OutOfFold(data, Folds(data.Labels, folds, seed), folds);
        double[] thresholds = Thresholds(data.Labels, probabilities, classes);
        return
        [
            .. Enumerable.Range(0, data.Labels.Length)
                .Select(row => Suspect(data, row, probabilities.AsSpan(row * classes, classes), thresholds))
                .OrderBy(row => row.LabelProbability),
        ];
    }

    private static LabelSuspicion Suspect(FeatureRows data, int row, ReadOnlySpan<double> probabilities, double[] thresholds)
    {
        int label = data.Labels[row], other = -1, confident = -1;
        for (int i = 0; i < probabilities.Length; i++)
        {
            other = i != label && (other < 0 || probabilities[i] > probabilities[other]) ? i : other;
            confident = probabilities[i] >= thresholds[i] && (confident < 0 || probabilities[i] > probabilities[confident]) ? i : confident;
        }

        return new LabelSuspicion
        {
            Row = data.Rows[row],
            ImagePath = data.Names[row],
            Label = data.ClassNames[label],
            SuggestedLabel = data.ClassNames[other],
            LabelProbability = (float)probabilities[label],
            SuggestedProbability = (float)probabilities[other],
            IsLikelyError = confident >= 0 && confident != label,
        };
    }

    /// <summary>How sure the classifier is, on the average, of a class in the rows that have it as label.</summary>
    private static double[] Thresholds(int[] labels, double[] probabilities, int classes)
    {
        double[] sums = new double[classes], counts = new double[classes];
        for (int row = 0; row < labels.Length; row++)
        {
            sums[labels[row]] += probabilities[(row * classes) + labels[row]];
            counts[labels[row]]++;
        }

        // Nothing is confidently of a class that no row has.
        return [.. sums.Zip(counts, (sum, count) => count == 0 ? double.PositiveInfinity : sum / count)];
    }

    /// <summary>The probabilities of every row by a classifier that was fitted to the other folds, at the penalty at which they are best.</summary>
    private static double[] OutOfFold(FeatureRows data, int[] fold, int folds)
    {
        using var normalMode = inference_mode(false);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        int rows = data.Labels.Length, classes = data.ClassNames.Count;
        Tensor features = tensor(data.Features, [rows, data.FeatureCount]);
        Tensor targets = nn.functional.one_hot(tensor([.. data.Labels.Select(label => (long)label)]), classes).to(ScalarType.Float64);
        using var classifier = new LinearClassifier(features, targets, ones(rows, dtype: ScalarType.Float64));
        var points = new Tensor?[folds];
        double[] best = [];
        double lowest = double.PositiveInfinity;
        foreach (double penalty in s_penalties)
        {
            double loss = 0;
            double[] probabilities = new double[rows * classes];
            for (int held = 0; held < folds; held++)
            {
                long[] inside = [.. Enumerable.Range(0, rows).Where(row => fold[row] != held).Select(row => (long)row)];
                long[] outside = [.. Enumerable.Range(0, rows).Where(row => fold[row] == held).Select(row => (long)row)];
                points[held] = classifier.Fit(tensor(inside), penalty, points[held], Tolerance);
                double[] values = classifier.Probabilities(points[held]!, tensor(outside)).contiguous().data<double>().ToArray();
                for (int i = 0; i < outside.Length; i++)
                {
                    values.AsSpan(i * classes, classes).CopyTo(probabilities.AsSpan((int)outside[i] * classes));
                    loss -= Math.Log(Math.Max(values[(i * classes) + data.Labels[outside[i]]], 1e-300));
                }
            }

            if (loss >= lowest)
            {
                break;
            }

            (best, lowest) = (probabilities, loss);
        }

        return best;
    }

    /// <summary>The fold of each row, the classes spread evenly.</summary>
    private static int[] Folds(int[] labels, int folds, int seed)
    {
        int[] order = [.. Enumerable.Range(0, labels.Length)];
        new Random(seed).Shuffle(order);
        int[] fold = new int[labels.Length];
        int next = 0;
        foreach (int row in order.OrderBy(row => labels[row]))
        {
            fold[row] = next++ % folds;
        }

        return fold;
    }
}
