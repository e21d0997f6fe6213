using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using ImageClassification.Display;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Commands;

/// <summary>Trains, saves and tests a model, and shows how it goes.</summary>
internal sealed class TrainCommand : ToolCommand
{
    private const double HeldOut = 0.2;

    private readonly TrainingOptions _training = new();
    private readonly Option<string?> _test = OptionFactory.Text("--test", "DIR", "The test images, in the same sub-folders. Default: a fifth of each class in --images, or the bundled test images.");
    private readonly Option<string?> _checkpoints = OptionFactory.Text("--checkpoints", "DIR", "Where the state of the training is kept, to resume from when the same command is run again.");
    private readonly Option<string?> _output = OptionFactory.Text("--output", "FILE", "Where the model is saved.", "model.zip");
    private readonly Option<string?> _report = OptionFactory.Text("--report", "FILE", "Where the report is written, one HTML file. Default: report.html beside the model.");
    private readonly Option<bool> _calibrate = new("--calibrate") { Description = "Hold out a fifth of the training images, and calibrate the probabilities on them: they then say how often the model is right." };
    private readonly Option<TestTimeAugmentation?> _testTimeAugmentation = OptionFactory.Name<TestTimeAugmentation>("--test-time-augmentation", "The views of an image that the model scores and averages", "None");
    private readonly Option<bool> _findLearningRate = new("--find-lr") { Description = "Find learning rates by a range test first, and draw it into the report. The training keeps its own rate." };

    public TrainCommand()
        : base("train", "Trains a network on a folder of images, tests it, saves it and writes a report.")
        => AddOptions([_training.Images, _test, .. _training.All.Skip(1), _checkpoints, _output, _report, _calibrate, _testTimeAugmentation, _findLearningRate]);

    protected override void Check(CommandResult result)
    {
        _training.Check(result);
        if (IsGiven(result, _test) && !IsGiven(result, _training.Images))
        {
            result.AddError("--test goes with --images only.");
        }
        else if (IsGiven(result, _findLearningRate) && result.GetValue(_training.FineTuning) == FineTuningMode.HeadOnly)
        {
            result.AddError("--find-lr does not go with --fine-tuning HeadOnly: it fits the classifier without a learning rate.");
        }
    }

    protected override IEnumerable<NamedPath> Results(ParseResult arguments) => [.. NamedPath.Of(arguments, _output), new(_report.Name, ReportPath(arguments))];

    protected override IEnumerable<NamedPath> Folders(ParseResult arguments) => NamedPath.Of(arguments, _checkpoints);

    protected override IEnumerable<NamedPath> ImageFolders(ParseResult arguments) => NamedPath.Of(arguments, _training.Images, _test);

    protected override int Run(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        var total = Stopwatch.StartNew();
        TrainingArguments choices = _training.Of(arguments);
        string modelPath = arguments.GetValue(_output)!;
        string reportPath = ReportPath(arguments);

        MLContext mlContext = TrainerLog.NewContext(choices.Seed, output.Console);
        ImageData data = ImageData.Load(mlContext, choices.ImageFolder, arguments.GetValue(_test), choices.Seed);
        ResNetTrainer.Options options = TrainerChoice.Of(choices, data.Training, cancellationToken);
        options.CalibrateScores = arguments.GetValue(_calibrate);
        options.ValidationFraction = options.CalibrateScores ? HeldOut : 0;
        options.TestTimeAugmentation = arguments.GetValue(_testTimeAugmentation) ?? options.TestTimeAugmentation;
        options.CheckpointDirectory = arguments.GetValue(_checkpoints);
        options.ResumeFromCheckpoint = options.CheckpointDirectory is not null;
        TrainingHeader.Show(output.Console, data, options, isArchitectureChosen: choices.Architecture is null, choices.Seed);

        IReadOnlyList<LabeledImage> leaked = WrongArgumentException.Guard(data.TestImagesInTraining);
        if (leaked.Count > 0)
        {
            Console.Error.WriteLine($"{leaked.Count:N0} of {data.Test.Count:N0} test images are in the training set, too, such as {ShortPath.Of(leaked[0].ImagePath)}: the test will flatter the model. 'check' lists them.");
        }

        IDataView trainingImages = mlContext.Data.LoadFromEnumerable(data.Training);
        LearningRateCurve? rates = null;
        if (arguments.GetValue(_findLearningRate))
        {
            rates = Training.FindLearningRate(mlContext, trainingImages, options);
            output.Console.WriteLine(LearningRateChart.Suggestions(rates));
        }

        var training = Stopwatch.StartNew();
        var trained = new TrainedImages();
        using var model = TrainingProgress.Show(output, options, trained, () => Training.Fit(mlContext, trainingImages, options));
        training.Stop();
        ResNetTransformer network = model.OfType<ResNetTransformer>().Single();
        Save(mlContext, model, network, trainingImages.Schema, modelPath);

        TestResult result = Training.Test(mlContext, model.Transform(mlContext.Data.LoadFromEnumerable(data.Test)), choices.SkipsBadImages, cancellationToken);
        TestReport.Show(output.Console, result, network.ClassNames, data.TestFolder ?? data.ImageFolder, network.MinimumScore);
        TrainingReport.Write(reportPath, mlContext, model, result.Scored, new TrainingReportOptions
        {
            Title = $"Images of {ShortPath.NameOf(data.ImageFolder)}",
            TrainingData = trainingImages,
            TrainerOptions = options,
            Seed = choices.Seed,
            TrainingTime = TotalTime(training.Elapsed, network.TrainingHistory),
            LearningRates = rates,
        });
        TestReport.ShowModel(output.Console, modelPath, reportPath);
        output.WriteJson(new RunSummary
        {
            TestAccuracy = result.Metrics.MicroAccuracy,
            MacroAccuracy = result.Metrics.MacroAccuracy,
            LogLoss = result.LogLoss,
            TrainSeconds = training.Elapsed.TotalSeconds,
            TotalSeconds = total.Elapsed.TotalSeconds,
            ImagesPerSecond = trained.CountOf(network.TrainingHistory, options.BatchSize) / training.Elapsed.TotalSeconds,
            ModelPath = Path.GetFullPath(modelPath),
            ReportPath = Path.GetFullPath(reportPath),
            Architecture = network.Architecture?.ToString() ?? "pretrained",
            Epochs = network.TrainingHistory.Count,
            Seed = choices.Seed,
            TrainImages = network.TrainingHistory.Max(epoch => epoch.ImageCount),
            TestImages = result.Images.Count,
            Classes = network.ClassNames,
        });
        return ExitCode.Success;
    }

    private string ReportPath(ParseResult arguments)
        => arguments.GetValue(_report) ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(arguments.GetValue(_output)!))!, "report.html");

    /// <summary>With that of earlier processes, where the training was resumed.</summary>
    private static TimeSpan TotalTime(TimeSpan own, IReadOnlyList<EpochMetrics> history) => history[^1].Elapsed > own ? history[^1].Elapsed : own;

    /// <summary>Saves a model that says why it can't read an image, whether or not the training left such images out.</summary>
    private static void Save(MLContext mlContext, ITransformer model, ResNetTransformer network, DataViewSchema schema, string path)
    {
        if (network.BadImages == BadImageHandling.Throw)
        {
            mlContext.Model.SaveAtomically(model, schema, path);
            return;
        }

        using ResNetTransformer strict = network.WithBadImages(mlContext, BadImageHandling.Throw);
        mlContext.Model.SaveAtomically(new TransformerChain<ITransformer>([.. SavedModel.Parts(model).Select(part => part == network ? strict : part)]), schema, path);
    }
}
