using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;
using ImageClassification.Scoring;

namespace ImageClassification.Commands;

/// <summary>Classifies images with a saved model, a line an image.</summary>
internal sealed class PredictCommand : ToolCommand
{
    private readonly Argument<string[]> _images = new("IMAGE") { Description = "Image files, tar files of images, and folders of either.", Arity = ArgumentArity.OneOrMore };
    private readonly ModelOption _model = new();
    private readonly Option<string?> _explain = OptionFactory.Text("--explain", "PATH", "Where a picture is written of what speaks for the class: a PNG file, or with several images a folder.");
    private readonly Option<string?> _class = new("--class") { HelpName = "NAME", Description = "With --explain, the class that is explained. Default: the one that the image is taken for." };
    private readonly Option<int?> _top = OptionFactory.Number("--top", 1, 1000, "How many classes are shown for an image, the most probable ones.", 3);

    private readonly Option<string?> _output = OptionFactory.Text("--output", "DIR", "Write the results to files in this folder, one for each tar file or 10,000 image files. What is there already is not done again, and processes that mpiexec or srun has started share the work.");
    private readonly Option<PartFormat?> _format = OptionFactory.Name<PartFormat>("--format", "With --output, the files of results", "Csv");
    private readonly Option<int?> _rank = OptionFactory.Number("--rank", 0, 1_000_000, "With --output, the number of this process among --ranks, from 0. Default: what mpiexec or srun says.");
    private readonly Option<int?> _ranks = OptionFactory.Number("--ranks", 1, 1_000_000, "With --output, the number of processes that share the work.");

    public PredictCommand()
        : base("predict", "Classifies images with a saved model. An image or a tar file that can't be read is a line on standard error; the others go on.")
    {
        // An option that another command has would be taken for a file.
        _images.Validators.Add(result =>
        {
            if (result.Tokens.Select(token => token.Value).FirstOrDefault(path => path.StartsWith("--", StringComparison.Ordinal) && !File.Exists(path)) is { } option)
            {
                result.AddError($"Unrecognized command or argument '{option}'.");
            }
        });
        Add(_images);
        AddOptions(_model.Option, _model.TestTimeAugmentation, _top, _explain, _class, _output, _format, _rank, _ranks);
    }

    protected override void Check(CommandResult result)
    {
        if (IsGiven(result, _class) && !IsGiven(result, _explain))
        {
            result.AddError("--class goes with --explain only.");
        }
        else if (IsGiven(result, _output) && IsGiven(result, _explain))
        {
            result.AddError("--explain does not go with --output.");
        }
        else if (!IsGiven(result, _output) && ((Option[])[_format, _rank, _ranks]).FirstOrDefault(option => IsGiven(result, option)) is { } alone)
        {
            result.AddError($"{alone.Name} goes with --output only.");
        }
    }

    protected override IEnumerable<NamedPath> Folders(ParseResult arguments) => NamedPath.Of(arguments, _output);

    protected override IEnumerable<NamedPath> Sources(ParseResult arguments) => [.. NamedPath.Of(arguments, _model.Option), .. arguments.GetValue(_images)!.Select(path => new NamedPath(_images.Name, path))];

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        using SavedModel model = _model.Load(arguments);
        int top = Math.Min(arguments.GetValue(_top)!.Value, model.ClassNames.Count);
        return arguments.GetValue(_output) is { } folder ? RunParts(arguments, folder, model, top, output, cancellationToken) : RunFiles(arguments, model, top, output, cancellationToken);
    }

    private int RunFiles(ParseResult arguments, SavedModel model, int top, Output output, CancellationToken cancellationToken)
    {
        List<Classification> results = [];
        IReadOnlyList<string> files = FilesOf(model, arguments.GetValue(_images)!, results);
        ExplainedFiles? explained = files.Count > 0 && arguments.GetValue(_explain) is { } path ? WrongArgumentException.Guard(() => ExplainedFiles.Create(model, path, files, arguments.GetValue(_class))) : null;
        if (explained is not null)
        {
            NamedPath[] pictures = [.. explained.Paths.Select(picture => new NamedPath(_explain.Name, picture))];
            PathCheck.OverwritesNothing([.. pictures, .. JsonFile(arguments)], [.. Sources(arguments), .. files.Select(file => new NamedPath(_images.Name, file))]);
        }

        foreach (Classification result in new ImageClassifier(model, top).Classify(files, cancellationToken))
        {
            results.Add(result with { Explanation = result.Error is null ? explained?.Write(result.File) : null });
            if (result.Error is { } error)
            {
                Failure.Report(ExitCode.Failed, error);
            }
            else
            {
                output.Text.WriteLine($"{result.File}: {(result.PredictedLabel is null ? "none of the classes; " : "")}{string.Join(", ", result.Classes.Select(of => FormattableString.Invariant($"{of.Class} {of.Probability * 100:F1} %")))}");
            }
        }

        output.WriteJson(results);
        return results.Any(result => result.Error is not null) ? ExitCode.Failed : ExitCode.Success;
    }

    private int RunParts(ParseResult arguments, string folder, SavedModel model, int top, Output output, CancellationToken cancellationToken)
    {
        var ranks = Ranks.Of(arguments.GetValue(_rank), arguments.GetValue(_ranks));
        PartFormat format = arguments.GetValue(_format) ?? PartFormat.Csv;
        IReadOnlyList<ScoringPart> parts = WrongArgumentException.Guard(() => ScoringParts.Of(model.MLContext, arguments.GetValue(_images)!));
        PathCheck.OverwritesNothing([.. ScoringFolder.FilesOf(folder, format, parts).Select(file => new NamedPath(_output.Name, file)), .. JsonFile(arguments)], Sources(arguments));
        var options = new Dictionary<string, string> { [_top.Name] = $"{arguments.GetValue(_top)}", ["--test-time-augmentation"] = $"{arguments.GetValue(_model.TestTimeAugmentation)}" };
        var results = ScoringFolder.Open(folder, format, arguments.GetValue(_model.Option)!, options, parts);
        ScoringSummary summary = new BatchScoring(model, results, format, top, ranks, output).Run(parts, cancellationToken);
        output.WriteJson(summary);
        return summary.FailedParts > 0 || summary.UnreadableImages > 0 ? ExitCode.Failed : ExitCode.Success;
    }

    /// <summary>The files, those in the folders, and those in tar files. A tar file that can't be read is a result with an error, as an image is.</summary>
    /// <exception cref="WrongArgumentException">A folder has no images.</exception>
    private static List<string> FilesOf(SavedModel model, IEnumerable<string> paths, List<Classification> unreadable)
    {
        List<string> files = [];
        foreach (string path in WrongArgumentException.Guard(() => paths.SelectMany(ImagePaths.InFolder).ToArray()))
        {
            try
            {
                files.AddRange(ScoringParts.IsTar(path) ? [.. ScoringParts.ImagesOf(model.MLContext, path)] : [path]);
            }
            catch (Exception exception) when (Failure.IsOfUser(exception))
            {
                unreadable.Add(new Classification(path, [], Failure.MessageOf(exception)));
                Failure.Report(ExitCode.Failed, unreadable[^1].Error!);
            }
        }

        return files;
    }
}
