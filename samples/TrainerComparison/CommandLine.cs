using System.CommandLine;
using System.CommandLine.Parsing;

namespace TrainerComparison;

/// <summary>The program's options. A wrong one gives a line on standard error and exit code 2.</summary>
internal sealed class CommandLine
{
    private readonly Option<string?> _images = new("--images") { HelpName = "DIR", Description = "A folder with a sub-folder of images for each class. Default: the bundled Fashion-MNIST images." };
    private readonly Option<string?> _test = new("--test") { HelpName = "DIR", Description = "The test images, in the same sub-folders. Default: a fifth of each class in --images, or the bundled test images." };
    private readonly Option<CandidateName[]> _candidates = new("--candidates") { HelpName = "NAME...", Description = $"What is compared: {string.Join(", ", Enum.GetNames<CandidateName>())}. Default: all.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<int> _minutes = Number("--minutes", 1, 100_000, "The time for all candidates together.", 20);
    private readonly Option<int?> _epochs = Number("--epochs", 1, 10_000, "How often the networks go through all images. Default: 30 from scratch, 6 in fine-tuning.");
    private readonly Option<int?> _size = Number("--size", 8, 4096, "Width and height of the input of the networks that are trained, in pixels. Default: the images' own size, at most 224; 224 with ImageNet's weights.");
    private readonly Option<int> _seed = Number("--seed", 0, int.MaxValue, "Decides all that is random.", 1);
    private readonly Option<string> _output = new("--output") { HelpName = "FILE", Description = "Where the best model is saved.", DefaultValueFactory = _ => "best-model.zip" };
    private readonly Option<string?> _json = new("--json") { HelpName = "FILE", Description = "Where the leaderboard is written, as JSON." };

    private CommandLine()
    {
    }

    /// <summary>Reads the command line and does what it says.</summary>
    /// <param name="compare">Its result is the exit code.</param>
    public static int Run(string[] arguments, Func<ComparisonArguments, int> compare) => new CommandLine().RunCommand(arguments, compare);

    private int RunCommand(string[] arguments, Func<ComparisonArguments, int> compare)
    {
        var command = new RootCommand("Compares trainers on one folder of images: the same training and test images and the same metrics for each.")
        {
            _images, _test, _candidates, _minutes, _epochs, _size, _seed, _output, _json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(_test) is { Implicit: false } && result.GetResult(_images) is null)
            {
                result.AddError("--test goes with --images only.");
            }
        });
        command.SetAction(result => compare(new ComparisonArguments(
            result.GetValue(_images),
            result.GetValue(_test),
            result.GetValue(_candidates) is { Length: > 0 } chosen ? [.. chosen.Distinct()] : Enum.GetValues<CandidateName>(),
            TimeSpan.FromMinutes(result.GetValue(_minutes)),
            result.GetValue(_epochs),
            result.GetValue(_size),
            result.GetValue(_seed),
            result.GetValue(_output)!,
            result.GetValue(_json))));
        ParseResult parsed = command.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        return parsed.Errors.Count > 0
            ? Failure.Report(ExitCode.WrongArguments, $"{parsed.Errors[0].Message} See --help.")
            : parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private static Option<int> Number(string name, int minimum, int maximum, string description, int byDefault)
    {
        var option = new Option<int>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => byDefault };
        option.Validators.Add(result => Check(result, name, minimum, maximum));
        return option;
    }

    private static Option<int?> Number(string name, int minimum, int maximum, string description)
    {
        var option = new Option<int?>(name) { HelpName = "N", Description = description };
        option.Validators.Add(result => Check(result, name, minimum, maximum));
        return option;
    }

    private static void Check(OptionResult result, string name, int minimum, int maximum)
    {
        if (result.Tokens is [var token] && (!int.TryParse(token.Value, out int value) || value < minimum || value > maximum))
        {
            result.AddError($"{name} is '{token.Value}', expected a whole number from {minimum} to {maximum}.");
        }
    }
}
