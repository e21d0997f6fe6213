using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace ImageClassification;

/// <summary>Trains, saves and tests a model, and shows how it goes.</summary>
internal sealed class TrainingCommand
{
    /// <summary>What the trainer tells beside its epochs that is worth a line, by its first words: resuming, and the trial of fine-tuning, which takes a while.</summary>
    private static readonly string[] s_shownInformation = ["Resuming from", "The training in", "Trying on", "Fine-tuning all layers", "The weights"];

    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly IAnsiConsole _console = AnsiConsole.Console;
    private readonly MLContext _mlContext;
    private readonly TrainingArguments _arguments;

    private TrainingCommand(TrainingArguments arguments)
    {
        _arguments = arguments;
        _mlContext = new MLContext(arguments.Seed);
        _mlContext.Log += (_, log) =>
        {
            if (log.Kind >= ChannelMessageKind.Warning)
            {
                _console.MarkupLineInterpolated($"[yellow]{log.RawMessage}[/]");
            }
            else if (s_shownInformation.Any(start => log.RawMessage.StartsWith(start, StringComparison.Ordinal)))
            {
                _console.MarkupLineInterpolated($"[grey]{log.RawMessage}[/]");
            }
        };
    }

    /// <summary>Does it all.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(TrainingArguments arguments)
    {
        using var interruption = new Interruption();
        try
        {
            return new TrainingCommand(arguments).Run(interruption.Token);
        }
        catch (OperationCanceledException)
        {
            return Failure.Report(ExitCode.Cancelled, "Cancelled.");
        }
        catch (ArgumentException exception)
        {
            return Failure.Report(ExitCode.WrongArguments, exception.Message);
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return Failure.Report(ExitCode.Failed, exception.Message);
        }
    }

    private int Run(CancellationToken cancellationToken)
    {
        ImageData data;
        try
        {
            CheckFolderOf("--output", _arguments.ModelPath);
            CheckFolderOf("--json", _arguments.JsonPath);
            CheckFolderOf("--report", _arguments.ReportPath);
            data = LoadImages();
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return Failure.Report(ExitCode.WrongArguments, exception.Message);
        }

        ResNetTrainer.Options options = ChooseOptions(data, cancellationToken);
        TrainingHeader.Show(_console, data, options, isArchitectureChosen: _arguments.Architecture is null, _arguments.Seed);

        IDataView trainingImages = _mlContext.Data.LoadFromEnumerable(data.Training);
        LearningRateCurve? rates = _arguments.FindsLearningRate ? FindLearningRate(trainingImages, options) : null;
        var training = Stopwatch.StartNew();
        using var model = TrainingProgress.Show(_console, options, () => Training.Fit(_mlContext, trainingImages, options));
        training.Stop();
        _mlContext.Model.SaveAtomically(model, trainingImages.Schema, _arguments.ModelPath);

        TestResult result = Training.Test(_mlContext, model, _mlContext.Data.LoadFromEnumerable(data.Test), cancellationToken);
        ResNetTransformer network = model.OfType<ResNetTransformer>().Single();
        TestReport.Show(_console, result, network.ClassNames, data.TestFolder ?? data.ImageFolder);
        string reportPath = _arguments.ReportPath ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_arguments.ModelPath))!, "report.html");
        TrainingReport.Write(reportPath, _mlContext, model, result.Scored, new TrainingReportOptions
        {
            Title = $"Images of {NameOf(data.ImageFolder)}",
            TrainingData = trainingImages,
            TrainerOptions = options,
            Seed = _arguments.Seed,
            TrainingTime = training.Elapsed,
            LearningRates = rates,
        });
        TestReport.ShowModel(_console, _arguments.ModelPath, reportPath);
        if (_arguments.JsonPath is { } jsonPath)
        {
            new RunSummary
            {
                TestAccuracy = result.Metrics.MicroAccuracy,
                MacroAccuracy = result.Metrics.MacroAccuracy,
                LogLoss = result.Metrics.LogLoss,
                TrainSeconds = training.Elapsed.TotalSeconds,
                TotalSeconds = _total.Elapsed.TotalSeconds,
                ImagesPerSecond = network.TrainingHistory.Sum(epoch => (double)epoch.ImageCount) / training.Elapsed.TotalSeconds,
                ModelPath = Path.GetFullPath(_arguments.ModelPath),
                Architecture = network.Architecture?.ToString() ?? "pretrained",
                Epochs = network.TrainingHistory.Count,
                Seed = _arguments.Seed,
                TrainImages = data.Training.Count,
                TestImages = data.Test.Count,
                Classes = network.ClassNames,
            }.Save(jsonPath);
        }

        return ExitCode.Success;
    }

    private LearningRateCurve FindLearningRate(IDataView images, ResNetTrainer.Options options)
    {
        LearningRateCurve curve = Training.FindLearningRate(_mlContext, images, options);
        _console.WriteLine(FormattableString.Invariant($"Learning rates   steepest {curve.Steepest:G2}, minimum over ten {curve.MinimumOverTen:G2}"));
        return curve;
    }

    /// <summary>Found out before the training rather than after it.</summary>
    private static void CheckFolderOf(string option, string? path)
    {
        if (path is not null && Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"The folder of {option} '{path}' doesn't exist.");
        }

        if (Directory.Exists(path))
        {
            throw new IOException($"{option} '{path}' is a folder, expected the path of a file.");
        }
    }

    /// <summary>The folder's name, with that of the folder above it where it only says what the images are for.</summary>
    private static string NameOf(string folder)
    {
        var directory = new DirectoryInfo(folder);
        return directory.Name.Equals("train", StringComparison.OrdinalIgnoreCase) && directory.Parent is { } parent ? $"{parent.Name}/{directory.Name}" : directory.Name;
    }

    private ImageData LoadImages()
    {
        if (_arguments.ImageFolder is { } folder)
        {
            return ImageData.Load(_mlContext, folder, _arguments.TestFolder, _arguments.Seed);
        }

        string bundled = ImageData.BundledFolder();
        return ImageData.Load(_mlContext, Path.Combine(bundled, "train"), Path.Combine(bundled, "test"), _arguments.Seed);
    }

    private ResNetTrainer.Options ChooseOptions(ImageData data, CancellationToken cancellationToken)
    {
        ResNetWeights? weights = _arguments.IsPretrained ? ResNetWeights.ImageNet() : null;
        int size = _arguments.ImageSize ?? (weights is null ? ImageSize.Choose(data.Training) : ImageSize.ChooseFor(weights, data.Training));
        bool isSmall = ImageSize.IsSmall(size);
        var defaults = new ResNetTrainer.Options();
        int epochs = weights is null ? isSmall ? 70 : 40 : _arguments.FineTuning == FineTuningMode.HeadOnly ? defaults.Epochs : 3;
        return new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Architecture = _arguments.Architecture ?? (isSmall && weights is null ? ResNetArchitecture.ResNet20 : defaults.Architecture),
            PretrainedWeights = weights,
            FineTuning = _arguments.FineTuning,
            ImageSize = size,
            Epochs = _arguments.Epochs ?? epochs,
            BatchSize = _arguments.BatchSize,

            // A long training of a small network on few images: it would overfit them and become overconfident.
            LabelSmoothing = weights is null && isSmall ? 0.1 : 0,
            Augmentation = _arguments.Augmentation,

            // In the bundled images all shoes point to the right.
            HorizontalFlip = _arguments.ImageFolder is null ? false : null,
            MaxTrainingTime = _arguments.MaxTrainingTime,
            CheckpointDirectory = _arguments.CheckpointFolder,
            ResumeFromCheckpoint = _arguments.CheckpointFolder is not null,
            CancellationToken = cancellationToken,
        };
    }
}
