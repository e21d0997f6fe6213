namespace Microsoft.ML.ResNet.Training;

/// <summary>Validation metrics.</summary>
/// <param name="MacroAccuracy">The mean of the accuracies of the classes that have images.</param>
internal sealed record ValidationResult(double Loss, double Accuracy, double TopKAccuracy, double MacroAccuracy)
{
    /// <param name="predicted">The most probable class of each image.</param>
    /// <param name="labels">The class of each.</param>
    public static ValidationResult Of(RunningMetrics metrics, ReadOnlySpan<long> predicted, ReadOnlySpan<int> labels, int classCount)
    {
        int[] counts = new int[classCount], right = new int[classCount];
        for (int i = 0; i < labels.Length; i++)
        {
            counts[labels[i]]++;
            right[labels[i]] += predicted[i] == labels[i] ? 1 : 0;
        }

        double macroAccuracy = counts.Zip(right).Where(item => item.First > 0).Average(item => (double)item.Second / item.First);
        return new ValidationResult(metrics.Loss, metrics.Accuracy, metrics.TopKAccuracy, macroAccuracy);
    }

    /// <summary>The metric, or NaN where the loss is no finite number: an accuracy of scores that are none says nothing.</summary>
    public double Value(ValidationMetric metric) => metric switch
    {
        _ when !double.IsFinite(Loss) => double.NaN,
        ValidationMetric.Accuracy => Accuracy,
        ValidationMetric.Loss => Loss,
        ValidationMetric.MacroAccuracy => MacroAccuracy,
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, $"Expected one of {string.Join(", ", Enum.GetNames<ValidationMetric>())}."),
    };
}
