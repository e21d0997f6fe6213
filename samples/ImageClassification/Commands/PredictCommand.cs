using System.CommandLine;
using System.CommandLine.Parsing;
using ImageClassification.CommandLine;

namespace ImageClassification.Commands;

/// <summary>Classifies images with a saved model, a line an image.</summary>
internal sealed class PredictCommand : ToolCommand
{
    // Enough for the model to work at its full speed, and few enough to see that it goes on.
    private const int BlockSize = 128;

    private static readonly string[] s_imageExtensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    private readonly Argument<string[]> _images = new("IMAGE") { Description = "Image files, and folders of them.", Arity = ArgumentArity.OneOrMore };
    private readonly ModelOption _model = new();
    private readonly Option<string?> _explain = OptionFactory.Text("--explain", "PATH", "Where a picture is written of what speaks for the class: a PNG file, or with several images a folder.");
    private readonly Option<string?> _class = new("--class") { HelpName = "NAME", Description = "With --explain, the class that is explained. Default: the one that the image is taken for." };
    private readonly Option<int?> _top = OptionFactory.Number("--top", 1, 1000, "How many classes are shown for an image, the most probable ones.", 3);

    public PredictCommand()
        : base("predict", "Classifies images with a saved model. An image that can't be read is a line on standard error; the others go on.")
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
        AddOptions(_model.Option, _model.TestTimeAugmentation, _top, _explain, _class);
    }

    protected override void Check(CommandResult result)
    {
        if (IsGiven(result, _class) && !IsGiven(result, _explain))
        {
            result.AddError("--class goes with --explain only.");
        }
    }

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> files = WrongArgumentException.Guard(() => FilesOf(arguments.GetValue(_images)!));
        using SavedModel model = _model.Load(arguments);
        ExplainedFiles? explained = arguments.GetValue(_explain) is { } path ? WrongArgumentException.Guard(() => ExplainedFiles.Create(model, path, files, arguments.GetValue(_class))) : null;
        List<Classification> results = [];
        foreach (string[] block in files.Chunk(BlockSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (Classification result in Classify(model, block, arguments.GetValue(_top)!.Value))
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
        }

        output.WriteJson(results);
        return results.Any(result => result.Error is not null) ? ExitCode.Failed : ExitCode.Success;
    }

    /// <summary>The files, and those in the folders, at any depth.</summary>
    private static List<string> FilesOf(IEnumerable<string> paths)
    {
        List<string> files = [];
        foreach (string path in paths)
        {
            if (!Directory.Exists(path))
            {
                files.Add(path);
                continue;
            }

            string[] images = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(file => s_imageExtensions.Contains(Path.GetExtension(file).ToLowerInvariant())).Order(StringComparer.Ordinal)];
            files.AddRange(images.Length > 0 ? images : throw new InvalidDataException($"The folder '{path}' has no image: no file whose name ends with {string.Join(", ", s_imageExtensions)}."));
        }

        return files;
    }

    /// <summary>All at once; where one of them can't be read, in halves, so that it alone fails.</summary>
    private static IEnumerable<Classification> Classify(SavedModel model, string[] files, int top)
    {
        try
        {
            float minimum = model.Network?.MinimumScore ?? 0;
            return model.Classify(files).Select((scores, i) =>
            {
                ClassProbability[] classes = [.. model.ClassNames.Zip(scores, (name, score) => new ClassProbability(name, score)).OrderByDescending(of => of.Probability).Take(top)];
                return new Classification(files[i], classes, Error: null) { PredictedLabel = classes[0].Probability >= minimum ? classes[0].Class : null };
            });
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return files.Length == 1
                ? [new Classification(files[0], [], exception.Message)]
                : [.. Classify(model, files[..(files.Length / 2)], top), .. Classify(model, files[(files.Length / 2)..], top)];
        }
    }
}
