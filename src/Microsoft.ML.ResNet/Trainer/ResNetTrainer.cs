using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML.ResNet.Calibrating;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Trains a residual network (He et al. 2015, "Deep residual learning for image recognition") to classify images. Made by
/// <c>mlContext.MulticlassClassification.Trainers.ResNet(...)</c>.
/// </summary>
public sealed partial class ResNetTrainer : IEstimator<ResNetTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;

    internal ResNetTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Copy();
        _options.Validate();
        _host = environment.Register(nameof(ResNetTrainer));
    }

    /// <summary>Trains a network. The estimator keeps no state: every Fit starts from scratch.</summary>
    /// <param name="input">The training data, with a label column of key type and an image column.</param>
    /// <returns>The trained classifier, which is to be disposed.</returns>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type, or the labels have one class only.</exception>
    /// <exception cref="InvalidOperationException">No row has a label, or no image can be read; or the training diverged: its loss, its weights or the scores of its network are no finite numbers.</exception>
    /// <exception cref="IOException">An image can't be read (<see cref="FileNotFoundException"/> and others by cause); the message has its path.</exception>
    /// <exception cref="InvalidDataException">An image can't be decoded, a pixel value or an example weight is out of range (the message has its path or row); or a checkpoint can't be gone on from.</exception>
    /// <exception cref="OperationCanceledException">The MLContext or the token of the options has been cancelled.</exception>
    public ResNetTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Train(input, _options.PretrainedWeights);
    }

    /// <summary>
    /// Goes on training from a model, with new data or for longer. Its network takes the place of <see cref="Options.Architecture"/>; its
    /// image size, mean and deviation hold where the options leave them open. With the same classes, in any order, the whole network
    /// is kept and trained on; with others the head is replaced by a new one and the rest is kept, as <see cref="Options.FineTuning"/> says.
    /// </summary>
    /// <param name="input">The training data, with a label column of key type and an image column.</param>
    /// <param name="start">The model to start from; it is not changed.</param>
    /// <returns>The trained classifier, which is to be disposed.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Fit(IDataView)"/>; or the images have another number of channels than the model's.</exception>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception[not(@cref='T:System.ArgumentException')]"/>
    public ResNetTransformer Fit(IDataView input, ResNetTransformer start)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(start);
        return _options.PretrainedWeights is null
            ? Train(input, ResNetWeights.FromTransformer(start))
            : throw new ArgumentException($"{nameof(Options.PretrainedWeights)} are set, and a model to start from is given; expected one of them.", nameof(start));
    }

    /// <summary>
    /// Finds learning rates to train with, by a range test: some steps of training with a rate that rises exponentially, and the loss at each. Images, augmentation,
    /// batch size, optimiser and starting weights are those of the options; <see cref="Options.MaxTrainingTime"/> limits it. It changes neither the trainer nor
    /// weights that are given to it.
    /// </summary>
    /// <param name="input">The training data, with a label column of key type and an image column.</param>
    /// <param name="smallest">The learning rate of the first step; above 0. Default: 1e-7, as fastai has it.</param>
    /// <param name="largest">The learning rate of the last step; above <paramref name="smallest"/>. Default: 10. Where the loss diverges the test ends before it.</param>
    /// <param name="steps">The steps; 10 to 10,000. Default: 100.</param>
    /// <returns>The curve, with its suggestions.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A parameter is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The options say <see cref="FineTuningMode.HeadOnly"/>, which has no learning rate; or the loss is no finite number from the beginning; or the time is over too early.</exception>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception[not(@cref='T:System.InvalidOperationException')]"/>
    public LearningRateCurve FindLearningRate(IDataView input, double smallest = 1e-7, double largest = 10, int steps = 100)
    {
        ArgumentNullException.ThrowIfNull(input);
        Require(double.IsFinite(smallest) && smallest > 0, nameof(smallest), smallest, "a number above 0");
        Require(double.IsFinite(largest) && largest > smallest, nameof(largest), largest, $"a number above {nameof(smallest)}");
        Require(steps is >= 10 and <= 10_000, nameof(steps), steps, "10 to 10,000");
        return Prepare(input, _options.PretrainedWeights, training =>
        {
            using ResidualNetwork network = training.Network;
            if (training.Mode == FineTuningMode.HeadOnly)
            {
                throw new InvalidOperationException($"{nameof(Options.FineTuning)} is {FineTuningMode.HeadOnly}, which fits the classifier without a learning rate. Choose another mode to find one.");
            }

            if (training.Mode == FineTuningMode.HeadThenFull)
            {
                new LinearProbe(network, training.Images, training.Settings, training.Features, training.Scoring, training.Host).Run(FeatureViews(training), isAll: false);
            }

            return new LearningRateRangeTest(network, training.Images, training.Settings, training.Scoring, training.Host).Run(smallest, largest, steps);
        });
    }

    private static void Require(bool isTrue, string parameter, object value, string expected)
    {
        if (!isTrue)
        {
            throw new ArgumentOutOfRangeException(parameter, value, $"Expected {expected}.");
        }
    }

    /// <summary>The columns after scoring, from those before.</summary>
    /// <param name="inputSchema">The columns of the training data.</param>
    /// <exception cref="ArgumentException">The label or the image column is missing or of the wrong type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column label = SchemaShapes.Require(inputSchema, _options.LabelColumnName, "Label column");
        if (!label.IsKey || label.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw new ArgumentException(
                $"Label column '{label.Name}' has type {SchemaShapes.TypeName(label)}, expected Key. Add Conversion.MapValueToKey(\"{label.Name}\") before ResNet.");
        }

        SchemaShape.Column feature = SchemaShapes.Require(inputSchema, _options.FeatureColumnName, "Feature column");
        ImageColumn.Check(feature, "Feature column", "Point FeatureColumnName to such a column, or add LoadImages or ExtractPixels before ResNet.");
        return SchemaShapes.With(
            inputSchema,
            SchemaShapes.PredictedLabel(_options.PredictedLabelColumnName, label),
            SchemaShapes.Score(_options.ScoreColumnName, label));
    }

    private ResNetTransformer Train(IDataView input, ResNetWeights? start) => Prepare(input, start, training =>
    {
        IReadOnlyList<EpochMetrics> history = Run(training);
        Divergence.RequireScores(training.Network, training.Images.Training, training.Scoring, training.Settings);
        double temperature = _options.CalibrateScores ? Calibrate(training) : 1;
        ModelDescription description = Describe(training.Data, training.Network.Specification, history) with { Temperature = temperature, MinimumScore = _options.MinimumScore, TestTimeAugmentation = _options.TestTimeAugmentation };
        return ResNetTransformer.Create(description, training.Network, training.Scoring);
    });

    /// <summary>Divides the logits by the temperature of the lowest log-loss on the validation set.</summary>
    /// <returns>The temperature.</returns>
    private double Calibrate(PreparedTraining training)
    {
        ImageDataset validation = training.Images.Validation!;

        // A training that was cancelled, and is to give its best model, gives a calibrated one.
        Action checkCancelled = _options.CancellationHandling == CancellationHandling.ReturnBest ? () => { } : training.Host.CheckCancelled;
        RankGroup ranks = training.Settings.Ranks;
        double temperature = ranks.OfMain(ranks.IsMain ? TemperatureScaling.Fit(new ScoredRows(validation.Labels, Evaluation.Probabilities(training.Network, validation, training.Scoring, ImageViews.Of(_options.TestTimeAugmentation), checkCancelled))) : 0);
        ResNetTransformer.Divide(training.Network, temperature);
        training.Host.Inform(string.Create(CultureInfo.InvariantCulture, $"The scores were calibrated on {validation.Count} validation images: temperature {temperature:G3}."));
        return temperature;
    }

    /// <summary>Makes everything ready for a training.</summary>
    /// <param name="use">Takes the network over; where it throws, the network is freed.</param>
    private T Prepare<T>(IDataView input, ResNetWeights? start, Func<PreparedTraining, T> use)
    {
        var ranks = new RankGroup(_options.ProcessGroup);
        if (ranks.Processes is not { } processes)
        {
            return Prepare(input, start, ranks, use);
        }

        ShareProcessors(processes.LocalSize);
        try
        {
            return Prepare(input, start, ranks, use);
        }
        catch (Exception exception) when (!ranks.EndsTogether)
        {
            // The other ranks would wait for this one for ever.
            Exception cause = exception.GetBaseException();
            processes.Abort($"Rank {processes.Rank} of {processes.Size}: {exception.Message}{(cause == exception ? "" : $" {cause.Message}")}");
            throw;
        }
    }

    /// <summary>Each of the processes on a machine takes its part of the processors.</summary>
    private static void ShareProcessors(int processes)
    {
        NativeTorch.EnsureLoaded();
        FeedThreads.Processes = processes;
        int threads = Math.Max(1, Environment.ProcessorCount / processes);
        if (torch.get_num_threads() > threads)
        {
            torch.set_num_threads(threads);
        }
    }

    private T Prepare<T>(IDataView input, ResNetWeights? start, RankGroup ranks, Func<PreparedTraining, T> use)
    {
        var clock = Stopwatch.StartNew();
        NativeTorch.EnsureLoaded();
        using IChannel channel = _host.Start(nameof(Fit));
        ImageColumn column = ImageColumn.Of(input.Schema, _options.FeatureColumnName, _options.PixelLayout, _options.ImageSize);
        if (start is not null)
        {
            NormalizationCheck.Require(start, input.Schema[column.Name], column.Channels);
        }

        Options options = start is null ? _options : StartingWeights.Complete(_options, start, column);
        long seed = (long)ranks.OfMain(Seed(options));
        using TrainingData data = new TrainingSetReader(options, HostServices.GetTemporaryFolder(_host), CheckCancelled, channel, StartingWeights.SizeOf(start, column)).Read(input, column, seed);
        if (ImageViews.Fault(options.TestTimeAugmentation, data.Preprocessing, column.Kind == FeatureKind.Pixels) is { } fault)
        {
            throw new ArgumentException(fault);
        }

        int batches = options.AccumulateSteps * ranks.Size;
        if (batches > 1 && data.Training.Count < 2 * batches)
        {
            throw new InvalidOperationException($"There are {data.Training.Count} training images for steps of {batches} batches, expected at least two for each batch. Lower AccumulateSteps, or train with fewer processes.");
        }

        torch.Device device = TorchDevice.Choose(_host, channel, ranks.Processes?.LocalRank ?? 0);
        ResNetSpecification specification = (options.Specification ?? ResNetSpecification.FromArchitecture(options.Architecture))
            .ResolveStem(data.Preprocessing.Height, data.Preprocessing.Width);
        if (start is not null && options.FrozenStages > specification.Depths.Count)
        {
            throw new ArgumentException($"FrozenStages is {options.FrozenStages}; expected 0 to {specification.Depths.Count}, the number of stages of the pretrained network.");
        }

        var network = new ResidualNetwork(specification, data.Preprocessing.Channels, data.Labels.Count, seed, options.ZeroInitResidual);
        try
        {
            bool keepsHead = start is not null && CopyWeights(start, network, data.Labels, channel);
            FineTuningMode? mode = start is null ? null : options.FineTuning ?? (keepsHead ? null : ranks.IsSingle && !data.Training.IsStreamed ? FineTuningMode.HeadThenFull : FineTuningMode.Full);
            foreach (string message in UnusedOptions.Find(_options, start, mode))
            {
                channel.Warning(MessageSensitivity.None, "{0}", message);
            }

            TrainingSettings settings = TrainingDefaults.Resolve(
                options,
                Math.Min(data.Preprocessing.Width, data.Preprocessing.Height),
                data.Training.Count,
                GivenClassWeights(data.Labels),
                seed,
                fineTunes: mode is not null,
                startImageSize: start?.Preprocessing is { } made ? Math.Min(made.Width, made.Height) : null,
                ranks,
                hasStart: start is not null);
            network.to(device);
            bool needsFloat32 = options is { SynchronizeBatchNorm: true, Precision: TrainingPrecision.Auto } && !ranks.IsSingle;
            network.ActivationType = BFloat16Support.TypeFor(
                needsFloat32 ? TrainingPrecision.Float32 : options.Precision,
                VectorTraining.Supports(network, device),
                network.MultiplyAdds(data.Preprocessing.Height, data.Preprocessing.Width),
                device,
                channel);
            ranks.RequireSame(CheckpointIdentity.Of(settings, network, data));
            ranks.Share(network.StateEntries.Select(entry => entry.Tensor));
            if (ranks.IsMain)
            {
                LogStart(channel, network, data, settings, mode, device);
            }

            network.FreezesStatistics = settings.FreezesStatistics;
            network.FrozenStages = settings.FrozenStages;
            var host = new TrainingCallbacks(metrics => Report(metrics, channel), message => channel.Info(MessageSensitivity.None, "{0}", message), CheckCancelled, () => clock.Elapsed)
            {
                Warn = message => channel.Warning(MessageSensitivity.None, "{0}", message),
            };
            if (!ranks.IsMain)
            {
                host = host with { Report = _ => { }, Inform = _ => { }, Warn = _ => { } };
            }

            var scoring = ScoringDevice.Choose(device, options.ScoringPrecision, options.ScoringBackend, _host, channel);
            return use(new PreparedTraining(network, data, settings, mode, scoring, _host, channel, host));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private IReadOnlyList<EpochMetrics> Run(PreparedTraining training)
    {
        var (network, data, settings, mode, scoring, _, _, host) = training;
        LabeledImages images = training.Images;
        CheckpointFolder? checkpoints = _options.CheckpointDirectory is { } folder && settings.Ranks.IsMain
            ? new CheckpointFolder(folder, CheckpointIdentity.Of(settings, network, data), _options.ResumeFromCheckpoint, (name, was, now) => CheckpointIdentity.Difference(name, was, now, data))
            : null;
        if (mode != FineTuningMode.HeadOnly)
        {
            checkpoints?.RequireWritable();
        }

        if (mode is FineTuningMode.HeadOnly or FineTuningMode.HeadThenFull)
        {
            ScoringDevice features = training.Features;
            return mode == FineTuningMode.HeadOnly
                ? new LinearProbe(network, images, settings, features, scoring, host).Run(FeatureViews(training), isAll: true)
                : new FineTuning(network, images, settings, features, scoring, host, checkpoints).Run(FeatureViews(training));
        }

        using var loop = new TrainingLoop(network, images, settings, scoring, host, checkpoints);
        return loop.Run();
    }

    private int FeatureViews(PreparedTraining training) => TrainingDefaults.FeatureViews(_options, training.Settings.Augmentation, training.Images.Training.Count, training.Images.ClassCount);

    private static bool CopyWeights(ResNetWeights start, ResidualNetwork network, LabelValues labels, IChannel channel)
    {
        var (keepsHead, message) = StartingWeights.Copy(start, network, labels.Names);
        Log(channel, $"{message}");
        NonFiniteWarning.Give(channel, start.Source, start.NonFiniteCount);
        return keepsHead;
    }

    private static void LogStart(IChannel channel, ResidualNetwork network, TrainingData data, TrainingSettings settings, FineTuningMode? mode, torch.Device device)
    {
        string how = mode is null ? $"{settings.Epochs} epochs" : mode == FineTuningMode.HeadOnly ? $"{mode}" : $"{mode}, {settings.Epochs} epochs";
        string weighting = settings.ClassWeightingStart > 0 ? string.Create(CultureInfo.InvariantCulture, $", class weights after {settings.ClassWeightingStart:P0} of them") : "";
        Log(channel, $"Training {NamedArchitectures.Find(network.Specification)?.ToString() ?? "a residual network"} of {StateDictLayout.ParameterCount(network.Specification, data.Preprocessing.Channels, data.Labels.Count):N0} parameters on {data.Training.Count} images of {data.Preprocessing.Width}x{data.Preprocessing.Height}, {data.Labels.Count} classes, {how}{weighting}, seed {settings.Seed}, device {device}, {network.ActivationType.ToString().ToLowerInvariant()}.");
        if (settings.Augmentation.LeavesOutColors(data.Training.Format))
        {
            channel.Warning(
                MessageSensitivity.None,
                "The pixels of column '{0}' are normalised already, so that black and white are not known: augmentation leaves their colours as they are. Use NormalizePixels, or give the trainer images, to have them varied.",
                data.Column.Name);
        }
    }

    private long Seed(Options options)
        => options.Seed
            ?? HostServices.GetSeed(_host)
            ?? (options.ResumeFromCheckpoint ? CheckpointFolder.SeedOf(options.CheckpointDirectory!) : null)
            ?? RandomNumberGenerator.GetInt32(int.MaxValue);

    private float[]? GivenClassWeights(LabelValues labels)
        => _options.ClassWeights is { } weights ? [.. labels.Names.Select(name => weights.TryGetValue(name, out float weight) ? weight : 1)] : null;

    private ModelDescription Describe(TrainingData data, ResNetSpecification specification, IReadOnlyList<EpochMetrics> history) => new()
    {
        FormatVersion = ModelDescription.CurrentFormatVersion,
        Network = ModelDescription.NetworkPart.Of(specification, data.Preprocessing.Channels),
        Columns = new ModelDescription.ColumnsPart(_options.LabelColumnName, _options.FeatureColumnName, _options.ScoreColumnName, _options.PredictedLabelColumnName),
        Image = new ModelDescription.ImagePart
        {
            Kind = data.Column.Kind,
            Width = data.Preprocessing.Width,
            Height = data.Preprocessing.Height,
            Fit = data.Preprocessing.Fit,
            ShortSide = data.Preprocessing.ShortSide,
            Mean = [.. data.Preprocessing.Mean],
            StandardDeviation = [.. data.Preprocessing.StandardDeviation],
            IsPlanar = data.Column.IsPlanar,
            Range = data.Values.Range,
            Extremes = data.Values.Trained is { } trained ? [trained.Lowest, trained.Highest] : null,
            Normalization = data.Column.Normalization,
            BadImages = _options.BadImages,
            Folder = _options.ImageFolder,
        },
        Classes = new ModelDescription.ClassesPart(data.Labels.TypeName, data.Labels.Names),
        ScoringPrecision = _options.ScoringPrecision,
        Training = [.. history],
    };

    private void Report(EpochMetrics metrics, IChannel channel)
    {
        _options.Progress?.Report(metrics);
        if (!metrics.IsEpochEnd)
        {
            return;
        }

        if (metrics.IsTrial)
        {
            Log(channel, $"Trial, epoch {metrics.Epoch}/{metrics.EpochCount}: loss {metrics.TrainingLoss:F4}, accuracy {metrics.TrainingAccuracy:P1}, {metrics.Remaining:hh\\:mm\\:ss} left.");
            return;
        }

        string validation = metrics.ValidationAccuracy is null ? "" : string.Create(
            CultureInfo.InvariantCulture, $", validation loss {metrics.ValidationLoss:F4}, validation accuracy {metrics.ValidationAccuracy:P1}{(metrics.BestEpoch == metrics.Epoch ? " (best so far)" : "")}");
        Log(channel, $"Epoch {metrics.Epoch}/{metrics.EpochCount}: loss {metrics.TrainingLoss:F4}, accuracy {metrics.TrainingAccuracy:P1}{validation}, learning rate {metrics.LearningRate:G3}, {metrics.ImagesPerSecond:F0} images/s, {metrics.Remaining:hh\\:mm\\:ss} left.");
        _options.EpochCallback?.Invoke(metrics);
    }

    private void CheckCancelled()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (HostServices.IsCancelled(_host))
        {
            throw new OperationCanceledException("The training was cancelled by its MLContext.");
        }
    }

    private static void Log(IChannel channel, FormattableString message)
        => channel.Info(MessageSensitivity.None, "{0}", message.ToString(CultureInfo.InvariantCulture));
}
