using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Trainer;

/// <summary>Options as settings of reading and training, with the defaults that depend on the data filled in.</summary>
internal static class TrainingDefaults
{
    /// <summary>The batch size for which the default learning rates are meant.</summary>
    private const double ReferenceBatchSize = 32;

    private const double DefaultWarmupEpochs = 2;

    /// <summary>A shift of hue is seen more than one of brightness: a tenth, as in the presets.</summary>
    private const double HueDivisor = 10;

    /// <summary>How images are read.</summary>
    public static ReadingSettings Reading(ResNetTrainer.Options options, string temporaryFolder) => new()
    {
        BadImages = options.BadImages,
        PixelRange = options.PixelRange,
        ImageSize = options.ImageSize,
        Mean = options.Mean,
        StandardDeviation = options.StandardDeviation,
        ImageFit = options.ImageFit,
        HasFingerprints = options.CheckpointDirectory is not null,
        StreamImages = options.StreamImages,
        Cache = new ImageCacheSettings(options.CacheMemoryLimit ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 / (options.ProcessGroup?.LocalSize ?? 1), temporaryFolder),
    };

    /// <summary>How a network is trained.</summary>
    /// <param name="classWeights">The given weights by class, or null.</param>
    /// <param name="fineTunes">Whether the network knows something already that is to be changed with care.</param>
    /// <param name="ranks">The processes that train together; null: this one alone.</param>
    /// <param name="startImageSize">The shorter side of the images that the network's weights were made with, where that is known.</param>
    /// <param name="hasStart">Whether the network begins with weights of its own and not with random ones; where it fine-tunes it does.</param>
    public static TrainingSettings Resolve(
        ResNetTrainer.Options options, int imageSize, int imageCount, float[]? classWeights, long seed, bool fineTunes = false, int? startImageSize = null, RankGroup? ranks = null, bool hasStart = false) => new()
    {
        Epochs = options.Epochs,
        BatchSize = options.BatchSize,
        AccumulateSteps = options.AccumulateSteps,
        ShuffleBufferSize = options.ShuffleBufferSize,
        Ranks = ranks ?? RankGroup.Single,
        SynchronizesBatchNorm = options.SynchronizeBatchNorm && options.ProcessGroup is { Size: > 1 },
        HasCheckpoints = options.CheckpointDirectory is not null,
        OptimizerKind = options.Optimizer,
        LearningRate = options.LearningRate ?? DefaultLearningRate(options, imageSize, imageCount, fineTunes),
        Decay = options.LearningRateDecay,
        Milestones = [.. options.LearningRateMilestones],
        DecayFactor = options.LearningRateDecayFactor,
        WarmupEpochs = options.LearningRateDecay == LearningRateDecay.OneCycle ? 0 : options.WarmupEpochs ?? DefaultWarmupEpochs,
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
        Augmentation = AugmentationOf(options, imageSize, imageCount, fineTunes),
        IsFromScratch = !hasStart && !fineTunes,
        Resizing = new ProgressiveResizing(options.InitialImageScale ?? AugmentationPresets.InitialImageScale(imageSize, options.Epochs, fineTunes), GrowthShare: 0.7),
        BackboneRateScale = fineTunes ? options.BackboneLearningRateScale : 1,
        StageRateDecay = fineTunes ? options.StageLearningRateDecay : 1,
        FreezesStatistics = hasStart && (options.FreezeBatchNorm ?? (fineTunes && imageSize < startImageSize)),
        FrozenStages = hasStart ? options.FrozenStages : 0,
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

    /// <summary>
    /// The varied views of each image that a classifier is fitted to. They gain most where there are a few hundred images, and cost as much time as so many more images:
    /// of few there are many, of many none. The time of the fit goes with the number of classes, too.
    /// </summary>
    /// <param name="augmentation">What varies them.</param>
    public static int FeatureViews(ResNetTrainer.Options options, Augmentation augmentation, int imageCount, int classCount)
    {
        const int mostByDefault = 4, mostOfAllImages = 8_000;
        const long mostScores = 1_000_000;
        bool varies = augmentation.WithoutMixing() != new Augmentation();
        return options.FeatureViews ?? (varies ? (int)Math.Min(Math.Min(mostByDefault, mostOfAllImages / Math.Max(imageCount, 1)), mostScores / Math.Max((long)imageCount * classCount, 1)) : 0);
    }

    private static bool IsBalanced(ResNetTrainer.Options options) => options.ClassWeights is null && options.ClassWeighting == ClassWeighting.Balanced;

    /// <summary>
    /// On CIFAR-10 with one in twenty images of every second class (2,625 in all), 60 epochs: without weights a macro accuracy of 0.508, with weights
    /// from 0.8 on 0.600 (means of three seeds), from the first step on 0.431 (one). Given weights may be zeros, which are meant from the first step on.
    /// </summary>
    private static double DefaultClassWeightingStart(ResNetTrainer.Options options, bool fineTunes)
        => options.ClassWeights is null && options.ClassWeighting == ClassWeighting.None
            ? 0
            : options.ClassWeightingStart ?? (IsBalanced(options) && !fineTunes ? 0.8 : 0);

    /// <summary>The preset, and what the options say otherwise.</summary>
    private static Augmentation AugmentationOf(ResNetTrainer.Options options, int imageSize, int imageCount, bool fineTunes)
    {
        Augmentation preset = AugmentationPresets.Of(options.Augmentation, imageSize, imageCount, options.Epochs, fineTunes);
        if (options.Augmentation == AugmentationPreset.Auto && (options.MixUpAlpha is not null || options.CutMixAlpha is not null))
        {
            // Who says how images are mixed has no other mixtures beside them.
            preset = preset.WithoutMixing();
        }

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

    /// <summary>
    /// The higher rate overfits less: on 1,000 images of Fashion-MNIST, 70 epochs, 0.1 had 0.864 and 0.05 0.857 (means of three seeds, 6,000 other images; 0.2 0.860 of two),
    /// on 4,000 of CIFAR-10, 60 epochs, 0.754 and 0.744 (one seed, 1,000 other training images). A step has no more images than there are, whatever the batch size says.
    /// </summary>
    private static double DefaultLearningRate(ResNetTrainer.Options options, int imageSize, int imageCount, bool fineTunes)
        => options.Optimizer == TrainingOptimizer.AdamW
            ? fineTunes ? 1e-4 : 1e-3
            : (fineTunes ? 0.01 : IsLongOnFew(options, imageCount, fineTunes) && AugmentationPresets.IsSmall(imageSize) ? 0.1 : 0.05)
                * Math.Min(imageCount, (double)options.BatchSize * options.AccumulateSteps * (options.ProcessGroup?.Size ?? 1)) / ReferenceBatchSize;

    /// <summary>Whether a network would see few images so often that it overfits them.</summary>
    private static bool IsLongOnFew(ResNetTrainer.Options options, int imageCount, bool fineTunes)
    {
        const int few = 20_000;
        return !fineTunes && imageCount < few && AugmentationPresets.IsLong(options.Epochs);
    }

    /// <summary>
    /// On 4,000 images of CIFAR-10, 60 epochs, 5e-4 gave 0.722, 0.001 0.735, 0.002 0.744 and 0.004 0.742, with log-losses of 1.003, 0.938, 0.813 and 0.796 (one seed, 1,000 other training images);
    /// on 1,000 of them 0.534, 0.526, 0.534 and 0.508 (means of two seeds). Short trainings, where no gain was seen on 1,000 images of Fashion-MNIST, keep the usual value.
    /// </summary>
    private static double DefaultWeightDecay(ResNetTrainer.Options options, int imageCount, bool fineTunes)
    {
        if (options.Optimizer == TrainingOptimizer.AdamW)
        {
            return 0.05;
        }

        return IsLongOnFew(options, imageCount, fineTunes) ? 0.002 : 5e-4;
    }
}
