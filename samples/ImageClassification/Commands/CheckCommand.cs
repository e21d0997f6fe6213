using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using Microsoft.ML;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Commands;

/// <summary>Looks for unreadable images, for wrong labels, for duplicates, and for test images that are in the training set.</summary>
internal sealed class CheckCommand : ToolCommand
{
    private const int Shown = 10;

    private readonly Option<string?> _images = OptionFactory.Text("--images", "DIR", "A folder with a sub-folder of images for each class. Default: the bundled training images, in a clone of the repository.");
    private readonly Option<string?> _test = OptionFactory.Text("--test", "DIR", "The test images, of which none should be among the others. Default: the bundled test images, or none.");
    private readonly Option<string?> _output = OptionFactory.Text("--output", "FILE", "Where a page with thumbnails is written, one HTML file.", "check.html");

    public CheckCommand()
        : base("check", "Looks for images that can't be read, for labels that are likely wrong, for images that are the same or nearly so, and for test images that are in the training set, by the features of a network that knows ImageNet.")
        => AddOptions(_images, _test, _output);

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
        string path = arguments.GetValue(_output)!;
        var mlContext = new MLContext(seed: 1);
        string? folder = arguments.GetValue(_images), testFolder = arguments.GetValue(_test);
        IReadOnlyList<LabeledImage> images = ImageData.List(mlContext, folder, "train");
        IReadOnlyList<LabeledImage>? test = folder is not null && testFolder is null ? null : ImageData.List(mlContext, testFolder, "test");

        // Labels are told best from features of large images; images that are the same, whatever their size, from those of small ones.
        SortedDictionary<string, string> unreadable = new(StringComparer.Ordinal);
        IReadOnlyList<LabelSuspicion> labels = mlContext.MulticlassClassification.FindLabelErrors(Training.Features(mlContext, images, ImageSize.ChooseFor(ResNetWeights.ImageNet(), images), unreadable, cancellationToken));
        IDataView small = Training.Features(mlContext, images, Training.ComparedSize, unreadable, cancellationToken);
        IReadOnlyList<SimilarImages> duplicates = mlContext.Data.FindDuplicateImages(small);
        IReadOnlyList<SimilarImages>? leaks = test is null ? null : mlContext.Data.FindDuplicateImages(small, Training.Features(mlContext, test, Training.ComparedSize, unreadable, cancellationToken));

        LabelSuspicion[] errors = [.. labels.Where(label => label.IsLikelyError)];
        output.Text.WriteLine(FormattableString.Invariant($"{images.Count:N0} images: {errors.Length:N0} labels in doubt, {duplicates.Count:N0} pairs that are the same or nearly so{(leaks is null ? "" : FormattableString.Invariant($"; {leaks.Select(pair => pair.SecondRow).Distinct().Count():N0} of {test!.Count:N0} test images are in the training set"))}."));
        output.Console.WriteLine();
        if (unreadable.Count > 0)
        {
            output.Text.WriteLine(FormattableString.Invariant($"{unreadable.Count:N0} can't be read:"));
            foreach (string fault in unreadable.Values)
            {
                output.Text.WriteLine(fault);
            }

            output.Console.WriteLine();
        }

        foreach (LabelSuspicion error in errors.Take(Shown))
        {
            output.Text.WriteLine(FormattableString.Invariant($"{ShortPath.Of(error.ImagePath)}: {error.Label} {error.LabelProbability * 100:F1} %, rather {error.SuggestedLabel} {error.SuggestedProbability * 100:F1} %"));
        }

        foreach (SimilarImages pair in (leaks ?? []).Take(Shown).Concat(duplicates.Take(Shown)))
        {
            output.Text.WriteLine(FormattableString.Invariant($"{ShortPath.Of(pair.FirstPath)} = {ShortPath.Of(pair.SecondPath)} ({pair.Similarity:F3})"));
        }

        ImageDataReport.Write(path, labels, duplicates, leaks, new ImageDataReportOptions { Title = $"Check of {ShortPath.NameOf(ImageData.FolderOf(folder, "train"))}" });
        output.Console.WriteLine();
        output.Console.WriteLine($"All of them, with pictures: {ShortPath.Of(path)}");
        output.WriteJson(new { Images = images.Count, TestImages = test?.Count, ReportPath = Path.GetFullPath(path), Unreadable = unreadable.Select(image => new { ImagePath = image.Key, Error = image.Value }), Labels = errors, Duplicates = duplicates, Leaks = leaks });
        return ExitCode.Success;
    }
}
