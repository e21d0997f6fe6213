using ImageClassification.Data;
using Microsoft.ML.Data;

namespace ImageClassification.Commands;

/// <summary>An evaluation in numbers, for programs to read.</summary>
internal sealed record EvaluationSummary
{
    /// <summary>The share of the test images that the model is right about, 0 to 1.</summary>
    public required double TestAccuracy { get; init; }

    /// <summary>The mean over the classes of that share.</summary>
    public required double MacroAccuracy { get; init; }

    /// <summary>The mean of minus the logarithm of the right class's probability; null where the model's scores are no numbers.</summary>
    public required double? LogLoss { get; init; }

    /// <summary>The probability below which the model predicts no class; null where it always predicts one. The other numbers are of all images, by the most probable class.</summary>
    public double? MinimumScore { get; init; }

    /// <summary>The share of the test images that reach it, 0 to 1.</summary>
    public double? Coverage { get; init; }

    /// <summary>The share of these that the model is right about, 0 to 1; null where there are none.</summary>
    public double? CoveredAccuracy { get; init; }

    public required int TestImages { get; init; }

    /// <summary>Images read and scored in a second.</summary>
    public required double ImagesPerSecond { get; init; }

    public required string ModelPath { get; init; }

    /// <summary>The report that was written; null where the command writes none.</summary>
    public string? ReportPath { get; init; }

    public required IReadOnlyList<ClassSummary> Classes { get; init; }

    /// <summary>Of each class, how many of its images are taken for which; rows and columns in the order of <see cref="Classes"/>.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> ConfusionMatrix { get; init; }

    public static EvaluationSummary Of(TestResult result, SavedModel model, string modelPath, TimeSpan time)
    {
        ConfusionMatrix matrix = result.Metrics.ConfusionMatrix;
        CoveredImages? covered = result.CoveredBy(model.Network?.MinimumScore);
        return new EvaluationSummary
        {
            TestAccuracy = result.Metrics.MicroAccuracy,
            MacroAccuracy = result.Metrics.MacroAccuracy,
            LogLoss = result.LogLoss,
            MinimumScore = covered?.MinimumScore,
            Coverage = covered?.Coverage,
            CoveredAccuracy = covered?.Accuracy,
            TestImages = result.Images.Count,
            ImagesPerSecond = result.Images.Count / time.TotalSeconds,
            ModelPath = Path.GetFullPath(modelPath),
            Classes = [.. model.ClassNames.Select((name, i) => ClassSummary.Of(name, matrix.Counts, i))],
            ConfusionMatrix = [.. matrix.Counts.Select(row => (IReadOnlyList<int>)[.. row.Select(count => (int)count)])],
        };
    }
}

/// <summary>A class of an evaluation.</summary>
/// <param name="Images">How many test images it has.</param>
/// <param name="Recall">The share of them that the model takes for it; null without images.</param>
/// <param name="Precision">The share of those that the model takes for it that are; null without any.</param>
internal sealed record ClassSummary(string Class, int Images, double? Recall, double? Precision)
{
    public static ClassSummary Of(string name, IReadOnlyList<IReadOnlyList<double>> counts, int index)
    {
        double images = counts[index].Sum(), predicted = counts.Sum(row => row[index]), right = counts[index][index];
        return new ClassSummary(name, (int)images, images == 0 ? null : right / images, predicted == 0 ? null : right / predicted);
    }
}
