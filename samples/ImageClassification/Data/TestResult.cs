using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification.Data;

/// <summary>How a model does on the test images.</summary>
/// <param name="Unreadable">The files that could not be read. They are in none of the others.</param>
/// <param name="Scored">The test images with the model's columns.</param>
internal sealed record TestResult(IReadOnlyList<TestedImage> Images, IReadOnlyList<string> Unreadable, MulticlassClassificationMetrics Metrics, IDataView Scored)
{
    /// <summary>The images that the model was wrong about, the surest first.</summary>
    public IEnumerable<TestedImage> Mistakes
        => Images.Where(image => image.PredictedLabel != image.Label).OrderByDescending(image => image.Score.Max());

    public int CorrectCount => Images.Count(image => image.PredictedLabel == image.Label);
}
