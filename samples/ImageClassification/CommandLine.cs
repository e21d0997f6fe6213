using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Microsoft.ML.ResNet;

namespace ImageClassification;

/// <summary>The program's options. A wrong one gives a line on standard error and exit code 2.</summary>
internal sealed class CommandLine
{
    private readonly Option<string?> _images = Text("--images", "DIR", "A folder with a sub-folder of images for each class. Default: the bundled Fashion-MNIST images.");
    private readonly Option<string?> _test = Text("--test", "DIR", "The test images, in the same sub-folders. Default: a fifth of each class in --images, or the bundled test images.");
    private readonly Option<ResNetArchitecture?> _architecture = Name<ResNetArchitecture>("--architecture", "The network", "ResNet20 for images of at most 64 pixels, else ResNet18");
    private readonly Option<int?> _epochs = Number("--epochs", 1, 10_000, "How often training goes through all images. Default: 70 for images of at most 64 pixels, 40 for larger ones, 3 with --pretrained.");
    private readonly Option<int?> _size = Number("--size", 8, 4096, "Width and height of the network's input in pixels. Default: the images' own size, at most 224; with --pretrained 224, or 96 for images of at most 64 pixels.");
    private readonly Option<int?> _batch = Number("--batch", 2, 4096, "Images in a training step.", 32);
    private readonly Option<bool> _pretrained = new("--pretrained") { Description = "Begin with a network that knows ImageNet: best for photographs, and for few of them." };
    private readonly Option<FineTuningMode?> _fineTuning = Name<FineTuningMode>("--fine-tuning", "With --pretrained, what is trained", "HeadThenFull");
    private readonly Option<AugmentationPreset?> _augmentation = Name<AugmentationPreset>("--augmentation", "How much training images are varied", "Auto, by their size and number");
    private readonly Option<int?> _minutes = Number("--minutes", 1, 100_000, "The time that training may take; fewer epochs are run where not all fit into it. Default: no limit.");
    private readonly Option<string?> _checkpoints = Text("--checkpoints", "DIR", "Where the state of the training is kept, to resume from when the same command is run again.");
    private readonly Option<string?> _output = Text("--output", "FILE", "Where the model is saved.", "model.zip");
    private readonly Option<int?> _seed = Number("--seed", 0, int.MaxValue, "Decides all that is random: the same seed gives the same model on the same machine.", 1);
    private readonly Option<string?> _json = Text("--json", "FILE", "Where a summary of the run is written, as JSON.");
    private readonly Option<string?> _report = Text("--report", "FILE", "Where the report is written, one HTML file. Default: report.html beside the model.");
    private readonly Option<bool> _findLearningRate = new("--find-lr") { Description = "Find learning rates by a range test first, and draw it into the report. The training keeps its own rate." };
    private readonly Option<string[]> _predict = new("--predict")
    {
        HelpName = "FILE...",
        Description = "Classify these images with a saved model instead of training.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _model = Text("--model", "FILE", "The saved model for --predict.", "model.zip");

    private CommandLine()
    {
    }

    /// <summary>Reads the command line and does what it says.</summary>
    /// <param name="train">Trains; its result is the exit code.</param>
    /// <param name="predict">Classifies files with the model of a file; its result is the exit code.</param>
    public static int Run(string[] arguments, Func<TrainingArguments, int> train, Func<string, string[], int> predict)
        => new CommandLine().RunCommand(arguments, train, predict);

    private int RunCommand(string[] arguments, Func<TrainingArguments, int> train, Func<string, string[], int> predict)
    {
        Option[] training = [_images, _test, _architecture, _pretrained, _fineTuning, _epochs, _size, _batch, _augmentation, _minutes, _checkpoints, _output, _seed, _json, _report, _findLearningRate];
        var command = new RootCommand("Trains a residual network to classify images, tests it and saves it, or classifies images with a saved one.");
        foreach (Option option in training.Append(_predict).Append(_model))
        {
            command.Add(option);
        }

        command.Validators.Add(result => CheckTogether(result, training));
        command.SetAction(result => result.GetResult(_predict) is null
            ? train(TrainingOf(result))
            : predict(result.GetValue(_model)!, result.GetValue(_predict)!));
        ParseResult parsed = command.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            return Failure.Report(ExitCode.WrongArguments, $"{parsed.Errors[0].Message} See --help.");
        }

        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private TrainingArguments TrainingOf(ParseResult result) => new(
        result.GetValue(_images),
        result.GetValue(_test),
        result.GetValue(_architecture),
        result.GetValue(_pretrained),
        result.GetValue(_fineTuning),
        result.GetValue(_epochs),
        result.GetValue(_size),
        result.GetValue(_batch)!.Value,
        result.GetValue(_augmentation) ?? AugmentationPreset.Auto,
        result.GetValue(_minutes) is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
        result.GetValue(_checkpoints),
        result.GetValue(_output)!,
        result.GetValue(_seed)!.Value,
        result.GetValue(_json),
        result.GetValue(_report),
        result.GetValue(_findLearningRate));

    /// <summary>An option that would have no effect is a mistake, too.</summary>
    private void CheckTogether(CommandResult result, Option[] training)
    {
        bool IsGiven(Option option) => result.GetResult(option) is { Implicit: false };
        if (!IsGiven(_predict))
        {
            if (IsGiven(_model))
            {
                result.AddError("--model goes with --predict only.");
            }
            else if (IsGiven(_test) && !IsGiven(_images))
            {
                result.AddError("--test goes with --images only.");
            }
            else if (IsGiven(_fineTuning) && !IsGiven(_pretrained))
            {
                result.AddError("--fine-tuning goes with --pretrained only.");
            }
            else if (IsGiven(_findLearningRate) && result.GetValue(_fineTuning) == FineTuningMode.HeadOnly)
            {
                result.AddError("--find-lr does not go with --fine-tuning HeadOnly: it fits the classifier without a learning rate.");
            }
            else if (IsGiven(_architecture) && IsGiven(_pretrained))
            {
                result.AddError("--architecture does not go with --pretrained: the weights have a network of their own.");
            }
        }
        else if (training.FirstOrDefault(IsGiven) is { } option)
        {
            result.AddError($"{option.Name} does not go with --predict.");
        }
    }

    private static Option<string?> Text(string name, string helpName, string description, string? byDefault = null)
    {
        var option = new Option<string?>(name) { HelpName = helpName, Description = description };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault;
        }

        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
            {
                result.AddError($"{name} is empty, expected a path.");
            }
        });
        return option;
    }

    private static Option<int?> Number(string name, int minimum, int maximum, string description, int? byDefault = null)
    {
        var option = new Option<int?>(name) { HelpName = "N", Description = description };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault;
        }

        option.CustomParser = result =>
        {
            string text = result.Tokens.Single().Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum)
            {
                return value;
            }

            result.AddError($"{name} is '{text}', expected a whole number from {minimum} to {maximum}.");
            return null;
        };
        return option;
    }

    private static Option<TEnum?> Name<TEnum>(string option, string description, string byDefault)
        where TEnum : struct, Enum
    {
        string names = string.Join(", ", Enum.GetNames<TEnum>());
        return new Option<TEnum?>(option)
        {
            HelpName = "NAME",
            Description = $"{description}: {names}. Default: {byDefault}.",
            CustomParser = result =>
            {
                string text = result.Tokens.Single().Value;
                foreach (TEnum value in Enum.GetValues<TEnum>())
                {
                    if (text.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase))
                    {
                        return value;
                    }
                }

                result.AddError($"{option} is '{text}', expected one of {names}.");
                return null;
            },
        };
    }
}
