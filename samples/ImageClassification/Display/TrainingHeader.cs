using ImageClassification.Data;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>What is about to be trained, in four lines.</summary>
internal static class TrainingHeader
{
    public static void Show(IAnsiConsole console, ImageData data, ResNetTrainer.Options options, bool isArchitectureChosen, int seed)
    {
        int size = options.ImageSize!.Value;
        IReadOnlyList<string> classes = data.ClassNames;
        ResNetSpecification network = options.PretrainedWeights?.Specification ?? ResNetSpecification.FromArchitecture(options.Architecture).ResolveStem(size, size);
        long parameters = network.CountParameters(classes.Count);
        string name = options.PretrainedWeights is null ? options.Architecture.ToString() : "Pretrained on ImageNet";
        string reason = isArchitectureChosen && options.PretrainedWeights is null ? " (chosen by image size)" : "";
        string test = data.TestFolder is { } folder ? $"from {ShortPath.Of(folder)}" : "put aside, a fifth of each class";

        var lines = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().PadRight(0));
        Add(lines, "Training", $"{data.Training.Count:N0} images from {ShortPath.Of(data.ImageFolder)}{(options.CalibrateScores ? FormattableString.Invariant($", {options.ValidationFraction * 100:0} % of each class held out to calibrate") : "")}");
        Add(lines, "Test", $"{data.Test.Count:N0} images {test}");
        Add(lines, "Classes", $"{classes.Count}: {string.Join(", ", classes.Take(12))}{(classes.Count > 12 ? ", …" : "")}");
        Add(lines, "Network", $"{name}{reason}, {parameters:N0} parameters, input {size}x{size}{(options.ImageFit == ImageFit.ShortSideCrop ? "" : $" by {options.ImageFit}")}");
        string limit = options.MaxTrainingTime is { TotalMinutes: var minutes } ? $", at most {minutes:F0} {(minutes == 1 ? "minute" : "minutes")}" : "";
        string schedule = options.PretrainedWeights is null ? "" : $"{options.FineTuning ?? FineTuningMode.HeadThenFull}, ";
        if (options.PretrainedWeights is not null && options.FineTuning == FineTuningMode.HeadOnly)
        {
            Add(lines, "Schedule", $"the classifier alone{limit}, seed {seed}");
        }
        else
        {
            Add(lines, "Schedule", $"{schedule}{options.Epochs} {(options.Epochs == 1 ? "epoch" : "epochs")} in batches of {options.BatchSize}{limit}, seed {seed}");
        }

        console.WriteLine();
        console.Write(lines);
    }

    private static void Add(Grid lines, string name, string text) => lines.AddRow(new Text(name, new Style(Color.Grey)), new Text(text));
}
