namespace Microsoft.ML.ResNet.Reporting;

/// <summary>How often a model is right when it says that it is so sure (Guo et al. 2017).</summary>
internal sealed class Calibration
{
    private const int BinCount = 10;

    private Calibration(IReadOnlyList<CalibrationBin> bins, int count)
    {
        Bins = bins;
        ExpectedError = bins.Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / count;
    }

    /// <summary>Tenths of the probability that have images.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; }

    /// <summary>The expected calibration error: the mean distance of accuracy and confidence, weighted by the images of a tenth.</summary>
    public double ExpectedError { get; }

    public static Calibration Of(IReadOnlyList<TestedImage> images) => new(
        [.. images
            .GroupBy(image => Math.Clamp((int)(image.Confidence * BinCount), 0, BinCount - 1))
            .OrderBy(bin => bin.Key)
            .Select(bin => new CalibrationBin(bin.Count(), bin.Average(image => (double)image.Confidence), bin.Average(image => image.IsCorrect ? 1.0 : 0)))],
        images.Count);
}

/// <summary>A tenth of the probabilities: its images, their mean probability, and the share that is right.</summary>
internal sealed record CalibrationBin(int Count, double Confidence, double Accuracy);
