using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using ImageClassification.Comparison;
using ImageClassification.Data;
using Spectre.Console;

namespace ImageClassification.Commands;

/// <summary>Compares trainers on the same images.</summary>
internal sealed class CompareCommand : ToolCommand
{
    private readonly Option<string?> _images = OptionFactory.Text("--images", "DIR", "A folder with a sub-folder of images for each class. Default: the bundled Fashion-MNIST images, in a clone of the repository.");
    private readonly Option<string?> _test = OptionFactory.Text("--test", "DIR", "The test images, in the same sub-folders. Default: a fifth of each class in --images, or the bundled test images.");
    private readonly Option<CandidateName[]> _candidates = OptionFactory.Names<CandidateName>("--candidates", "What is compared");
    private readonly Option<int?> _minutes = OptionFactory.Number("--minutes", 1, 100_000, "The time for all candidates together.", 20);
    private readonly Option<int?> _epochs = OptionFactory.Number("--epochs", 1, 10_000, "How often the networks go through all images. Default: 30 from scratch; in fine-tuning 10, down to 3 for more than 1,000 images of 224 pixels.");
    private readonly Option<int?> _size = OptionFactory.Number("--size", 8, 4096, "Width and height of the input of the networks that are trained, in pixels. Default: the images' own size, at most 224; 224 with ImageNet's weights.");
    private readonly Option<int?> _seed = OptionFactory.Number("--seed", 0, int.MaxValue, "Decides all that is random.", 1);
    private readonly Option<string?> _output = OptionFactory.Text("--output", "FILE", "Where the best model is saved.", "best-model.zip");

    public CompareCommand()
        : base("compare", "Compares this trainer and ML.NET's own on one folder of images: the same training and test images and the same metrics for each.")
        => AddOptions(_images, _test, _candidates, _minutes, _epochs, _size, _seed, _output);

    protected override void Check(CommandResult result)
    {
        if (IsGiven(result, _test) && !IsGiven(result, _images))
        {
            result.AddError("--test goes with --images only.");
        }
    }

    protected override IEnumerable<NamedPath> Results(ParseResult arguments) => NamedPath.Of(arguments, _output);

    protected override IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => NamedPath.Of(arguments, _images, _test);

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        string modelPath = arguments.GetValue(_output)!;
        var competition = new Competition(
            new ComparisonArguments(
                arguments.GetValue(_images),
                arguments.GetValue(_test),
                arguments.GetValue(_candidates) is { Length: > 0 } chosen ? chosen : Enum.GetValues<CandidateName>(),
                TimeSpan.FromMinutes(arguments.GetValue(_minutes)!.Value),
                arguments.GetValue(_epochs),
                arguments.GetValue(_size),
                arguments.GetValue(_seed)!.Value,
                modelPath),
            output,
            cancellationToken);
        Leaderboard leaderboard = competition.Run();
        leaderboard.Show(output.Console);
        if (leaderboard.ModelPath is not null)
        {
            output.Console.MarkupLineInterpolated($"[bold]Best model saved[/]  {ShortPath.Of(modelPath)}  [grey]({leaderboard.Results[0].Trainer})[/]");
        }

        output.WriteJson(leaderboard);
        return leaderboard.IsStoppedEarly ? Failure.Report(ExitCode.Cancelled, $"Stopped early: {leaderboard.Results.Count(result => result.Error is null)} of {leaderboard.Results.Count} candidates were compared.")
            : leaderboard.ModelPath is null ? ExitCode.Failed
            : ExitCode.Success;
    }
}
