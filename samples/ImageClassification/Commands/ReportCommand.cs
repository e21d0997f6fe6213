using System.CommandLine;
using System.Diagnostics;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using ImageClassification.Display;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Commands;

/// <summary>Writes the report of a saved model.</summary>
internal sealed class ReportCommand : ToolCommand
{
    private readonly ModelOption _model = new();
    private readonly Option<string?> _images = EvaluateCommand.TestOption();
    private readonly Option<string?> _training = OptionFactory.Text("--training-images", "DIR", "The images that the model was trained on, to show how many there are of each class, and some of them.");
    private readonly Option<string?> _output = OptionFactory.Text("--output", "FILE", "Where the report is written.", "report.html");

    public ReportCommand()
        : base("report", "Writes the report of a saved model on a folder of test images: one HTML file with curves, confusion matrix, mistakes and more.")
        => AddOptions(_images, _model.Option, _model.SkipBadImages, _training, _output);

    protected override IEnumerable<NamedPath> Results(ParseResult arguments) => NamedPath.Of(arguments, _output);

    protected override IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => NamedPath.Of(arguments, _images, _training);

    protected override IEnumerable<NamedPath> Sources(ParseResult arguments) => [.. NamedPath.Of(arguments, _model.Option), .. ImageFolders(arguments)];

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        string path = arguments.GetValue(_output)!;
        using SavedModel model = _model.Load(arguments);
        IReadOnlyList<LabeledImage> images = EvaluateCommand.TestImages(model, arguments.GetValue(_images));
        IReadOnlyList<LabeledImage>? training = arguments.GetValue(_training) is { } folder ? ImageData.List(model.MLContext, folder, "train") : null;
        if (model.Network is null)
        {
            throw new WrongArgumentException($"The model '{arguments.GetValue(_model.Option)}' has no residual network, expected one that 'train' made. 'evaluate' measures a model of any trainer.");
        }

        var clock = Stopwatch.StartNew();
        TestResult result = Training.Test(model.MLContext, model.Score(images), arguments.GetValue(_model.SkipBadImages), cancellationToken);
        clock.Stop();
        TrainingReport.Write(path, model.MLContext, model.Model, result.Scored, new TrainingReportOptions
        {
            Title = $"Images of {ShortPath.NameOf(ImageData.FolderOf(arguments.GetValue(_images), "test"))}",
            TrainingData = training is null ? null : model.MLContext.Data.LoadFromEnumerable(training),
        });
        TestReport.ShowUnreadable(output.Console, result);
        TestReport.ShowTotals(output.Console, result, model.Network.MinimumScore);
        output.Console.WriteLine($"Report   {ShortPath.Of(path)}");
        output.WriteJson(EvaluationSummary.Of(result, model, arguments.GetValue(_model.Option)!, clock.Elapsed) with { ReportPath = Path.GetFullPath(path) });
        return ExitCode.Success;
    }
}
