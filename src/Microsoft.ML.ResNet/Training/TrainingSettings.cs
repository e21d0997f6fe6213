using System.Globalization;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The settings of one training, checked and settled.</summary>
internal sealed record TrainingSettings
{
    /// <summary>The batch size for which the default learning rates are meant.</summary>
    private const double ReferenceBatchSize = 32;

    /// <summary>A shift of hue is seen more than one of brightness: a tenth, as in the presets.</summary>
    private const double HueDivisor = 10;

    public required int Epochs { get; init; }

    public required int BatchSize { get; init; }

    public required TrainingOptimizer OptimizerKind { get; init; }

    public required double LearningRate { get; init; }

    public required LearningRateDecay Decay { get; init; }

    public required IReadOnlyList<double> Milestones { get; init; }

    public required double DecayFactor { get; init; }

    public required double WarmupEpochs { get; init; }

    public required double Momentum { get; init; }

    public required bool Nesterov { get; init; }

    public required double Beta1 { get; init; }

    public required double Beta2 { get; init; }

    public required double WeightDecay { get; init; }

    public required double? MaxGradientNorm { get; init; }

    public required double WeightAveragingDecay { get; init; }

    public required double LabelSmoothing { get; init; }

    public required ClassWeighting ClassWeighting { get; init; }

    /// <summary>By class, or null.</summary>
    public required float[]? ClassWeights { get; init; }

    /// <summary>The share of the training after which class weights count; 0 where there are none.</summary>
    public required double ClassWeightingStart { get; init; }

    public required Augmentation Augmentation { get; init; }

    public required ProgressiveResizing Resizing { get; init; }

    /// <summary>What the learning rate of the last stage is multiplied by, and of each stage in relation to the next.</summary>
    public required double BackboneRateScale { get; init; }

    public required double StageRateDecay { get; init; }

    /// <summary>Whether normalisations keep the statistics that the network came with.</summary>
    public required bool FreezesStatistics { get; init; }

    public required ValidationMetric ValidationMetric { get; init; }

    public required int? EarlyStoppingPatience { get; init; }

    public required double EarlyStoppingMinDelta { get; init; }

    public required bool RestoresBestWeights { get; init; }

    public required TimeSpan? MaxTrainingTime { get; init; }

    public required TimeSpan CheckpointInterval { get; init; }

    public required CancellationHandling CancellationHandling { get; init; }

    public required int TopK { get; init; }

    public required long Seed { get; init; }

    /// <param name="classWeights">The given weights by class, or null.</param>
    /// <param name="fineTunes">Whether the network knows something already that is to be changed with care.</param>
    /// <param name="startImageSize">The shorter side of the images that the network's weights were made with, where that is known.</param>
    public static TrainingSettings Of(
        ResNetTrainer.Options options, int imageSize, int imageCount, float[]? classWeights, long seed, bool fineTunes = false, int? startImageSize = null) => new()
    {
        Epochs = options.Epochs,
        BatchSize = options.BatchSize,
        OptimizerKind = options.Optimizer,
        LearningRate = options.LearningRate ?? DefaultLearningRate(options, fineTunes),
        Decay = options.LearningRateDecay,
        Milestones = [.. options.LearningRateMilestones],
        DecayFactor = options.LearningRateDecayFactor,
        WarmupEpochs = options.WarmupEpochs,
        Momentum = options.Momentum,
        Nesterov = options.Nesterov,
        Beta1 = options.Beta1,
        Beta2 = options.Beta2,
        WeightDecay = options.WeightDecay ?? DefaultWeightDecay(options, imageCount, fineTunes),
        MaxGradientNorm = options.MaxGradientNorm,
        WeightAveragingDecay = options.WeightAveragingDecay,
        LabelSmoothing = options.LabelSmoothing,
        ClassWeighting = options.ClassWeighting,
        ClassWeights = classWeights,
        ClassWeightingStart = DefaultClassWeightingStart(options, fineTunes),
        Augmentation = AugmentationOf(options, imageSize, imageCount),
        Resizing = new ProgressiveResizing(options.InitialImageScale ?? AugmentationPresets.InitialImageScale(imageSize, options.Epochs, fineTunes), GrowthShare: 0.7),
        BackboneRateScale = fineTunes ? options.BackboneLearningRateScale : 1,
        StageRateDecay = fineTunes ? options.StageLearningRateDecay : 1,
        FreezesStatistics = fineTunes && (options.FreezeBatchNorm ?? imageSize < startImageSize),
        ValidationMetric = options.ValidationMetric ?? (IsBalanced(options) ? ValidationMetric.MacroAccuracy : ValidationMetric.Accuracy),
        EarlyStoppingPatience = options.EarlyStoppingPatience,
        EarlyStoppingMinDelta = options.EarlyStoppingMinDelta,
        RestoresBestWeights = options.RestoreBestWeights,
        MaxTrainingTime = options.MaxTrainingTime,
        CheckpointInterval = options.CheckpointInterval,
        CancellationHandling = options.CancellationHandling,
        TopK = options.TopK,
        Seed = seed,
    };

    /// <summary>The learning rate of every step of a training of <paramref name="batchCount"/> steps an epoch.</summary>
    public LearningRateSchedule Schedule(int batchCount)
    {
        int total = checked(Epochs * batchCount);
        return new LearningRateSchedule(LearningRate, total, Math.Min((int)Math.Round(WarmupEpochs * batchCount), total / 2))
        {
            Decay = Decay,
            Milestones = Milestones,
            Factor = DecayFactor,
        };
    }

    public IOptimizer Optimizer(ResidualNetwork network)
    {
        IEnumerable<OptimizedParameter> parameters = network.ParameterEntries.Select(
            entry => new OptimizedParameter(entry.Name, entry.Parameter, entry.Kind == ParameterKind.Weight, RateScale(entry.Name, network.Specification.Depths.Count)));
        ForeachOperations? operations = ForeachOperations.For(network.ParameterEntries[0].Parameter.device);
        return OptimizerKind == TrainingOptimizer.AdamW
            ? new AdamW(parameters, Beta1, Beta2, WeightDecay, operations)
            : new StochasticGradientDescent(parameters, Momentum, WeightDecay, Nesterov, operations);
    }

    /// <param name="labels">The class of each training image.</param>
    public TrainingLoss Loss(int[] labels, int classCount, torch.Device device)
    {
        float[]? weights = WeightsByClass(labels, classCount);
        return new TrainingLoss(LabelSmoothing, weights is null ? null : torch.tensor(weights, device: device).DetachFromDisposeScope());
    }

    /// <summary>How much the images of each class count, or null where all count the same.</summary>
    /// <param name="labels">The class of each training image.</param>
    public float[]? WeightsByClass(int[] labels, int classCount)
        => ClassWeights ?? (ClassWeighting == ClassWeighting.Balanced ? BalancedWeights(labels, classCount) : null);

    /// <summary>What has to be the same for a training to go on from a checkpoint: names and values.</summary>
    public IReadOnlyDictionary<string, string> Identity() => new Dictionary<string, string>
    {
        [nameof(Epochs)] = Text(Epochs),
        [nameof(BatchSize)] = Text(BatchSize),
        ["Optimizer"] = Text(OptimizerKind),
        [nameof(LearningRate)] = Text(LearningRate),
        ["LearningRateDecay"] = Text(Decay),
        ["LearningRateMilestones"] = string.Join(' ', Milestones.Select(share => Text(share))),
        ["LearningRateDecayFactor"] = Text(DecayFactor),
        [nameof(WarmupEpochs)] = Text(WarmupEpochs),
        [nameof(Momentum)] = Text(Momentum),
        [nameof(Nesterov)] = Text(Nesterov),
        [nameof(Beta1)] = Text(Beta1),
        [nameof(Beta2)] = Text(Beta2),
        [nameof(WeightDecay)] = Text(WeightDecay),
        [nameof(MaxGradientNorm)] = Text(MaxGradientNorm),
        [nameof(WeightAveragingDecay)] = Text(WeightAveragingDecay),
        [nameof(LabelSmoothing)] = Text(LabelSmoothing),
        [nameof(ClassWeighting)] = Text(ClassWeighting),
        [nameof(ClassWeights)] = string.Join(' ', (ClassWeights ?? []).Select(weight => Text(weight))),
        [nameof(ClassWeightingStart)] = Text(ClassWeightingStart),
        [nameof(Augmentation)] = Augmentation.ToString(),
        ["InitialImageScale"] = Text(Resizing.InitialScale),
        ["BackboneLearningRateScale"] = Text(BackboneRateScale),
        ["StageLearningRateDecay"] = Text(StageRateDecay),
        ["FreezeBatchNorm"] = Text(FreezesStatistics),
        [nameof(ValidationMetric)] = Text(ValidationMetric),
        [nameof(RestoresBestWeights)] = Text(RestoresBestWeights),
        [nameof(Seed)] = Text(Seed),
    };

    private static bool IsBalanced(ResNetTrainer.Options options) => options.ClassWeights is null && options.ClassWeighting == ClassWeighting.Balanced;

    /// <summary>
    /// On CIFAR-10 with one in twenty images of every second class (2,625 in all), 60 epochs: without weights a macro accuracy of 0.508, with weights
    /// from 0.8 on 0.600 (means of three seeds), from the first step on 0.431 (one). Given weights may be zeros, which are meant from the first step on.
    /// </summary>
    private static double DefaultClassWeightingStart(ResNetTrainer.Options options, bool fineTunes)
        => options.ClassWeights is null && options.ClassWeighting == ClassWeighting.None
            ? 0
            : options.ClassWeightingStart ?? (IsBalanced(options) && !fineTunes ? 0.8 : 0);

    /// <summary>scikit-learn's "balanced": all classes that have images weigh the same in sum, and the images 1 on average.</summary>
    private static float[] BalancedWeights(int[] labels, int classCount)
    {
        int[] counts = new int[classCount];
        foreach (int label in labels)
        {
            counts[label]++;
        }

        int present = counts.Count(count => count > 0);
        return [.. counts.Select(count => count == 0 ? 0 : (float)((double)labels.Length / present / count))];
    }

    /// <summary>The preset, and what the options say otherwise.</summary>
    private static Augmentation AugmentationOf(ResNetTrainer.Options options, int imageSize, int imageCount)
    {
        Augmentation preset = AugmentationPresets.Of(options.Augmentation, imageSize, imageCount, options.Epochs);
        return preset with
        {
            RandomCrop = preset.RandomCrop || options.RandomCropPadding is not null,
            CropPadding = options.RandomCropPadding ?? preset.CropPadding,
            ResizedCropScale = options.RandomResizedCropMinScale is not { } scale ? preset.ResizedCropScale : scale < 1 ? scale : 0,
            HorizontalFlip = options.HorizontalFlip ?? preset.HorizontalFlip,
            VerticalFlip = options.VerticalFlip,
            ColorJitter = options.ColorJitter is not { } jitter ? preset.ColorJitter : jitter == 0 ? null : new ColorJitter(jitter, jitter, jitter, Hue: jitter / HueDivisor),
            TrivialAugment = options.TrivialAugment ?? preset.TrivialAugment,
            ErasingProbability = options.RandomErasing ?? preset.ErasingProbability,
            MixUpAlpha = options.MixUpAlpha ?? preset.MixUpAlpha,
            CutMixAlpha = options.CutMixAlpha ?? preset.CutMixAlpha,
            MixProbability = options.MixProbability ?? preset.MixProbability,
        };
    }

    private static double DefaultLearningRate(ResNetTrainer.Options options, bool fineTunes)
        => options.Optimizer == TrainingOptimizer.AdamW
            ? fineTunes ? 1e-4 : 1e-3
            : (fineTunes ? 0.01 : 0.05) * options.BatchSize / ReferenceBatchSize;

    /// <summary>
    /// Chosen by few runs, whose noise is one to two points: on 5,000 images of CIFAR-10, 24 epochs, one seed each, 5e-4 gave 0.676, 0.002 0.696 and 0.004
    /// 0.684; 84 epochs with 0.002 gave 0.777 and 0.768. Short trainings, where no gain was seen on 1,000 images of Fashion-MNIST, keep the usual value.
    /// </summary>
    private static double DefaultWeightDecay(ResNetTrainer.Options options, int imageCount, bool fineTunes)
    {
        const int few = 20_000;
        if (options.Optimizer == TrainingOptimizer.AdamW)
        {
            return 0.05;
        }

        return !fineTunes && imageCount < few && AugmentationPresets.IsLong(options.Epochs) ? 0.002 : 5e-4;
    }

    /// <summary>The head has the full rate, the last stage a part of it, each stage before a part of that, and the stem that of the first.</summary>
    private double RateScale(string name, int stageCount)
    {
        if (name.StartsWith("fc.", StringComparison.Ordinal))
        {
            return 1;
        }

        int stage = StageOf(name);
        return BackboneRateScale * Math.Pow(StageRateDecay, stageCount - stage);
    }

    /// <summary>The number of the stage that a parameter such as <c>layer12.0.conv1.weight</c> belongs to; the stem counts as the first.</summary>
    private static int StageOf(string name)
        => name.StartsWith("layer", StringComparison.Ordinal) ? int.Parse(name.AsSpan("layer".Length, name.IndexOf('.') - "layer".Length), CultureInfo.InvariantCulture) : 1;

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
