using Microsoft.ML.ResNet.Calibrating;

namespace Microsoft.ML.ResNet;

/// <summary>
/// How far the probabilities of a classifier can be trusted (Guo et al. 2017): how often it is right when it is so sure. Made by
/// <c>mlContext.MulticlassClassification.EvaluateCalibration(...)</c>.
/// </summary>
public sealed class CalibrationMetrics
{
    private CalibrationMetrics(IReadOnlyList<CalibrationBin> bins, double logLoss, int rowCount)
    {
        Bins = bins;
        LogLoss = logLoss;
        RowCount = rowCount;
        ExpectedCalibrationError = bins.Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / rowCount;
        MaximumCalibrationError = bins.Max(bin => Math.Abs(bin.Accuracy - bin.Confidence));
    }

    /// <summary>The reliability curve: the parts of the range of probabilities that have rows, from the lowest.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; }

    /// <summary>The mean distance between confidence and accuracy over the bins, weighted by their rows; 0 to 1, 0 is best.</summary>
    public double ExpectedCalibrationError { get; }

    /// <summary>The largest distance between confidence and accuracy of a bin; 0 to 1.</summary>
    public double MaximumCalibrationError { get; }

    /// <summary>The mean of minus the natural logarithm of the right class's probability.</summary>
    public double LogLoss { get; }

    /// <summary>The rows that have a label and scores.</summary>
    public int RowCount { get; }

    internal static CalibrationMetrics Of(ScoredRows rows, int binCount)
    {
        CalibrationBin[] bins =
        [
            .. rows.Predictions()
                .GroupBy(row => Math.Clamp((int)(row.Confidence * binCount), 0, binCount - 1))
                .OrderBy(bin => bin.Key)
                .Select(bin => new CalibrationBin(bin.Count(), bin.Average(row => (double)row.Confidence), bin.Average(row => row.IsCorrect ? 1.0 : 0))),
        ];
        double loss = rows.Labels.Zip(rows.Scores, (label, scores) => TemperatureScaling.Loss(scores[label])).Average();
        return new CalibrationMetrics(Array.AsReadOnly(bins), loss, rows.Labels.Count);
    }
}

/// <summary>A part of the range of probabilities.</summary>
/// <param name="Count">The rows whose most probable class has a probability in it.</param>
/// <param name="Confidence">The mean of these probabilities, 0 to 1.</param>
/// <param name="Accuracy">The share of these rows whose most probable class is right, 0 to 1.</param>
public sealed record CalibrationBin(int Count, double Confidence, double Accuracy);
