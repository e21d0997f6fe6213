using System.CommandLine;
using System.CommandLine.Parsing;

namespace ImageClassification.CommandLine;

/// <summary>A command of the tool: it has the option <c>--json</c>, ends on Ctrl+C, and tells what went wrong in one line.</summary>
internal abstract class ToolCommand : Command
{
    private readonly Option<string?> _json = OptionFactory.Text("--json", "FILE", "Where the results are written as JSON; - is standard output, and all else goes to standard error.");

    protected ToolCommand(string name, string description)
        : base(name, description)
    {
        Validators.Add(Check);
        SetAction(result => Guarded(result));
    }

    /// <summary>Adds the command's own options, and <c>--json</c> after them.</summary>
    protected void AddOptions(params IEnumerable<Option> options)
    {
        foreach (Option option in options.Append(_json))
        {
            Add(option);
        }
    }

    /// <summary>Finds out what contradicts itself: an option that would have no effect is a mistake, too.</summary>
    protected virtual void Check(CommandResult result)
    {
    }

    /// <summary>The files that the command writes, beside that of <c>--json</c>: whether they can be written is looked at before it runs.</summary>
    protected virtual IEnumerable<NamedPath> Results(ParseResult arguments) => [];

    /// <summary>The folders that the command writes into.</summary>
    protected virtual IEnumerable<NamedPath> Folders(ParseResult arguments) => [];

    /// <summary>The folders of images, with a sub-folder for each class, that the command reads.</summary>
    protected virtual IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => [];

    /// <summary>The files and folders that the command reads, which no result may overwrite.</summary>
    protected virtual IEnumerable<NamedPath> Sources(ParseResult arguments) => ImageFolders(arguments);

    /// <summary>The file of <c>--json</c>; none where it is not given, or is standard output.</summary>
    protected IEnumerable<NamedPath> JsonFile(ParseResult arguments) => NamedPath.Of(arguments, _json).Where(json => json.Path != Output.StandardOutput);

    /// <summary>Does what the command line says.</summary>
    /// <returns>The exit code.</returns>
    protected abstract int Run(ParseResult arguments, Output output, CancellationToken cancellationToken);

    /// <summary>Whether the option is on the command line.</summary>
    public static bool IsGiven(SymbolResult result, Option option) => result.GetResult(option) is { Implicit: false };

    private int Guarded(ParseResult arguments)
    {
        using var interruption = new Interruption();
        try
        {
            NamedPath[] results = [.. Results(arguments), .. JsonFile(arguments)];
            foreach (NamedPath result in results)
            {
                PathCheck.CanBeWritten(result);
            }

            NamedPath[] folders = [.. Folders(arguments)];
            foreach (NamedPath folder in folders)
            {
                PathCheck.CanBeFolder(folder);
            }

            foreach (NamedPath images in ImageFolders(arguments))
            {
                PathCheck.IsNoFile(images);
            }

            PathCheck.OverwritesNothing(results, Sources(arguments));
            var output = new Output(arguments.GetValue(_json));
            StandardStream.Output.IsResult = output.IsForPrograms || !(Results(arguments).Any() || folders.Length > 0);
            int exitCode = Run(arguments, output, interruption.Token);
            return StandardStream.Output.Fault is { } fault ? Failure.Report(exitCode, $"{fault} The results are in their files.") : exitCode;
        }
        catch (OperationCanceledException)
        {
            return Failure.Report(ExitCode.Cancelled, "Cancelled.");
        }
        catch (Exception exception) when (exception is ArgumentException or WrongArgumentException)
        {
            return Failure.Report(ExitCode.WrongArguments, Failure.MessageOf(exception));
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return Failure.Report(ExitCode.Failed, Failure.MessageOf(exception));
        }
    }
}
