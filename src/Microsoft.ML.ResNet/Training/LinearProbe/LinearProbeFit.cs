using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Fits the classifier of a network to features that were computed once. How strong the penalty has to be, which decides everything
/// where a class has few images, is found by cross-validation.
/// </summary>
internal static class LinearProbeFit
{
    /// <summary>Without classes large enough to cross-validate, and more rows than needed to choose a penalty.</summary>
    private const double PenaltyWithoutValidation = 0.1;

    private const int MostFolds = 5, MostRowsValidated = 4000;

    /// <summary>Penalties that are tried although one before them was better, plus one.</summary>
    private const int StepsPastTheBest = 3;

    /// <summary>A comparison of penalties needs no more.</summary>
    private const double ToleranceOfValidation = 1e-4;

    /// <summary>The share of a limited time that the comparison of penalties may take; the fit to all rows has the rest.</summary>
    private const double ShareOfValidation = 0.75;

    private static readonly double[] Penalties = [3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003];

    /// <summary>Sets the head of the network.</summary>
    /// <param name="features">[N (1 + views), F] float32: the views of an image are N rows apart.</param>
    /// <param name="labels">The class of each of the N images.</param>
    /// <param name="imageWeights">How much each image counts, or null.</param>
    /// <param name="classWeights">By class, or null.</param>
    /// <param name="isTimeOver">Asked whether a share (0 to 1) of the time for the fit is over; null: it never is.</param>
    /// <returns>The penalty that was chosen.</returns>
    public static double Fit(
        ResidualNetwork network, Tensor features, int[] labels, float[]? imageWeights, float[]? classWeights, double labelSmoothing, long seed, Func<double, bool>? isTimeOver = null)
    {
        using var normalMode = inference_mode(false);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        int views = (int)(features.shape[0] / labels.Length);
        long[] rowLabels = [.. Enumerable.Repeat(labels, views).SelectMany(view => view).Select(label => (long)label)];
        double[] rowWeights = [.. Enumerable.Range(0, rowLabels.Length).Select(row => (double)(imageWeights?[row % labels.Length] ?? 1) * (classWeights?[rowLabels[row]] ?? 1))];
        Tensor targets = nn.functional.one_hot(tensor(rowLabels), network.ClassCount).to(ScalarType.Float64);
        targets = (targets * tensor(1 - labelSmoothing)).Plus(tensor(labelSmoothing / network.ClassCount));
        using var classifier = new LinearClassifier(features.clone(), targets, tensor(rowWeights));

        double penalty = ChoosePenalty(classifier, labels, views, seed, isTimeOver is null ? null : () => isTimeOver(ShareOfValidation));
        Func<bool>? isFitOver = isTimeOver is null ? null : () => isTimeOver(1);
        Tensor? point = null;
        foreach (double step in Penalties.Where(step => step > penalty).Append(penalty))
        {
            if (step == penalty || isFitOver?.Invoke() != true)
            {
                point = classifier.Fit(rows: null, step, point, isTimeOver: isFitOver);
            }
        }

        var (weight, bias) = classifier.Unscaled(point!);
        Dictionary<string, Tensor> state = network.StateByName();
        state[Head.WeightName].copy_(weight);
        state[Head.BiasName].copy_(bias);
        return penalty;
    }

    private static double ChoosePenalty(LinearClassifier classifier, int[] labels, int views, long seed, Func<bool>? isTimeOver)
    {
        int folds = Math.Min(MostFolds, labels.GroupBy(label => label).Min(group => group.Count()));
        if (folds < 2)
        {
            return PenaltyWithoutValidation;
        }

        int[] fold = Folds(labels, folds, seed);
        Tensor[] training = [.. Enumerable.Range(0, folds).Select(held => Rows(row => fold[row] >= 0 && fold[row] != held))];
        Tensor[] validation = [.. Enumerable.Range(0, folds).Select(held => Rows(row => fold[row] == held))];
        var points = new Tensor?[folds];
        int best = 0;
        double lowest = double.PositiveInfinity;

        // From the strongest on, each beginning where the one before ended; past the valley the fits only get slower.
        for (int i = 0; i < Penalties.Length && i - best < StepsPastTheBest; i++)
        {
            double loss = 0;
            for (int held = 0; held < folds; held++)
            {
                points[held] = classifier.Fit(training[held], Penalties[i], points[held], ToleranceOfValidation, isTimeOver);
                if (isTimeOver?.Invoke() == true)
                {
                    // Folds that were cut short don't compare with whole ones; while the loss still fell, a weaker penalty would have been better yet.
                    return best < i - 1 ? Penalties[best] : Math.Min(Penalties[best], PenaltyWithoutValidation);
                }

                loss += classifier.Loss(points[held]!, validation[held]);
            }

            if (loss < lowest)
            {
                (best, lowest) = (i, loss);
            }
        }

        return Penalties[best];

        Tensor Rows(Func<int, bool> isIn) => tensor(Enumerable.Range(0, labels.Length * views).Where(row => isIn(row % labels.Length)).Select(row => (long)row).ToArray());
    }

    /// <summary>The fold of each image, the classes spread evenly; -1 for images that are more than needed.</summary>
    private static int[] Folds(int[] labels, int folds, long seed)
    {
        int[] order = [.. Enumerable.Range(0, labels.Length)];
        SplitMix64.ForRow(seed, epoch: 0, row: 0, RandomStream.Split).Shuffle(order);
        int[] fold = new int[labels.Length];
        Array.Fill(fold, -1);
        Dictionary<int, int> next = [];
        foreach (int row in order.Take(MostRowsValidated))
        {
            int number = next.GetValueOrDefault(labels[row]);
            fold[row] = number % folds;
            next[labels[row]] = number + 1;
        }

        return fold;
    }
}
