using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification.Data;

/// <summary>How a model does on the test images.</summary>
/// <param name="Unreadable">The files that could not be read. They are in none of the others.</param>
/// <param name="Scored">The test images with the model's columns.</param>
internal sealed record TestResult(IReadOnlyList<TestedImage> Images, IReadOnlyList<string> Unreadable, MulticlassClassificationMetrics Metrics, IDataView Scored)
{
    /// <summary>How many images have their own class as the most probable one, whether or not that reaches the model's minimum score.</summary>
    public int CorrectCount => (int)Metrics.ConfusionMatrix.Counts.Select((row, i) => row[i]).Sum();

    /// <summary>The mean of minus the logarithm of the right class's probability; null where no image has scores that are numbers.</summary>
    public double? LogLoss => Images.Any(image => image.HasScores) ? Metrics.LogLoss : null;

    /// <summary>What is wrong with the model, or null.</summary>
    public string? Fault => Images.FirstOrDefault(image => !image.HasScores) is { } first
        ? $"The model's scores of {Images.Count(image => !image.HasScores):N0} of {Images.Count:N0} test images are NaN, such as of '{first.ImagePath}': its training diverged. Train it anew, in smaller batches (--batch)."
        : null;

    /// <summary>The images whose most probable class is another one, the surest first.</summary>
    public IEnumerable<TestedImage> MistakesOf(IReadOnlyList<string> classNames)
        => Images.Where(image => classNames[image.MostProbable] != image.Label).OrderByDescending(image => image.Score.Max());

    /// <summary>The images that reach a model's minimum score; null where it has none.</summary>
    public CoveredImages? CoveredBy(float? minimumScore)
    {
        if (minimumScore is not > 0)
        {
            return null;
        }

        TestedImage[] covered = [.. Images.Where(image => image.Score.Max() >= minimumScore)];
        return new CoveredImages(minimumScore.Value, covered.Length, covered.Count(image => image.PredictedLabel == image.Label), Images.Count);
    }
}
