using System.CommandLine;
using ImageClassification.Commands;
using ImageClassification.Data;

namespace ImageClassification.CommandLine;

/// <summary>The program's commands. Without one it trains.</summary>
internal static class Tool
{
    private static readonly string[] s_ofProgram = ["--help", "-h", "-?", "/h", "/?", "--version"];

    /// <summary>Reads the command line and does what it says.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        var root = new RootCommand("Trains a residual network to classify images, measures it, explains it in a report, and classifies images with it. A folder of images has a sub-folder for each class. Without a command it trains.")
        {
            new TrainCommand(), new EvaluateCommand(), new PredictCommand(), new ReportCommand(), new ExportCommand(), new CompareCommand(), new CheckCommand(), new FindLearningRateCommand(), new CompletionCommand(),
        };
        arguments = arguments switch
        {
            // In an empty folder, far from the bundled images, there is nothing to train on.
            [] => ImageData.FindBundledFolder() is null ? ["--help"] : ["train"],
            [['-' or '/', ..] first, ..] when !s_ofProgram.Contains(first) => ["train", .. arguments],
            _ => arguments,
        };
        if (arguments is [var name, ..] && name is not ['-' or '/' or '[', ..] && root.Subcommands.All(command => command.Name != name))
        {
            return Failure.Report(ExitCode.WrongArguments, $"'{name}' is no command, expected one of {string.Join(", ", root.Subcommands.Select(command => command.Name))}. See --help.");
        }

        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            return Failure.Report(ExitCode.WrongArguments, $"{parsed.Errors[0].Message} See --help.");
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (IOException exception)
        {
            // Of the help and of what is no ToolCommand.
            return Failure.Report(ExitCode.Failed, exception.Message);
        }
    }
}
