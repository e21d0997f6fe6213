using System.CommandLine;
using System.Diagnostics;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using ImageClassification.Display;

namespace ImageClassification.Commands;

/// <summary>Measures a saved model on images that it has not seen.</summary>
internal sealed class EvaluateCommand : ToolCommand
{
    private readonly ModelOption _model = new();
    private readonly Option<string?> _images = TestOption();

    public EvaluateCommand()
        : base("evaluate", "Measures a saved model on a folder of test images: accuracy, classes, confusion matrix, worst mistakes.")
        => AddOptions(_images, _model.Option, _model.TestTimeAugmentation, _model.SkipBadImages);

    /// <summary>The folder of the test images.</summary>
    public static Option<string?> TestOption()
        => OptionFactory.Text("--images", "DIR", "The test images, a folder with a sub-folder for each class. Default: the bundled test images, in a clone of the repository.");

    /// <summary>Reads the folder of test images.</summary>
    /// <exception cref="WrongArgumentException">It can't be read, or has a class that the model lacks.</exception>
    public static IReadOnlyList<LabeledImage> TestImages(SavedModel model, string? folder)
    {
        IReadOnlyList<LabeledImage> images = ImageData.List(model.MLContext, folder, "test");
        string[] unknown = [.. images.Select(image => image.Label).Distinct().Except(model.ClassNames)];
        return unknown.Length == 0
            ? images
            : throw new WrongArgumentException($"The folder '{folder}' has sub-folders that are no classes of the model: {string.Join(", ", unknown.Take(10))}. The model's classes are {string.Join(", ", model.ClassNames.Take(20))}{(model.ClassNames.Count > 20 ? ", ..." : "")}.");
    }

    protected override IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => NamedPath.Of(arguments, _images);

    protected override IEnumerable<NamedPath> Sources(ParseResult arguments) => [.. NamedPath.Of(arguments, _model.Option), .. ImageFolders(arguments)];

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        using SavedModel model = _model.Load(arguments);
        IReadOnlyList<LabeledImage> images = TestImages(model, arguments.GetValue(_images));
        var clock = Stopwatch.StartNew();
        TestResult result = Training.Test(model.MLContext, model.Score(images), arguments.GetValue(_model.SkipBadImages), cancellationToken);
        clock.Stop();
        output.Text.WriteLine();
        TestReport.Show(output.Console, result, model.ClassNames, ImageData.FolderOf(arguments.GetValue(_images), "test"), model.Network?.MinimumScore);
        output.WriteJson(EvaluationSummary.Of(result, model, arguments.GetValue(_model.Option)!, clock.Elapsed));
        return result.Fault is { } fault ? Failure.Report(ExitCode.Failed, fault) : ExitCode.Success;
    }
}
