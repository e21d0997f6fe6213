using System.Globalization;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The settings of one training, checked and settled.</summary>
internal sealed record TrainingSettings
{
    public required int Epochs { get; init; }

    public required int BatchSize { get; init; }

    /// <summary>The batches whose gradients are added up before the weights change.</summary>
    public int AccumulateSteps { get; init; } = 1;

    /// <summary>The images in the buffer in which tar files are shuffled.</summary>
    public int ShuffleBufferSize { get; init; } = 4096;

    /// <summary>The processes that train together.</summary>
    public RankGroup Ranks { get; init; } = RankGroup.Single;

    /// <summary>Whether normalisations take the batches of all ranks together; only with several ranks.</summary>
    public bool SynchronizesBatchNorm { get; init; }

    /// <summary>Whether the main rank writes checkpoints, in which all have a part.</summary>
    public bool HasCheckpoints { get; init; }

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

    /// <summary>Whether the network begins with random weights, and so without running statistics.</summary>
    public bool IsFromScratch { get; init; }

    public required ProgressiveResizing Resizing { get; init; }

    /// <summary>What the learning rate of the last stage is multiplied by, and of each stage in relation to the next.</summary>
    public required double BackboneRateScale { get; init; }

    public required double StageRateDecay { get; init; }

    /// <summary>Whether normalisations keep the statistics that the network came with.</summary>
    public required bool FreezesStatistics { get; init; }

    /// <summary>The stages, from the first on, that keep all that the network came with.</summary>
    public int FrozenStages { get; init; }

    public required ValidationMetric ValidationMetric { get; init; }

    public required int? EarlyStoppingPatience { get; init; }

    public required double EarlyStoppingMinDelta { get; init; }

    public required bool RestoresBestWeights { get; init; }

    public required TimeSpan? MaxTrainingTime { get; init; }

    public required TimeSpan CheckpointInterval { get; init; }

    public required CancellationHandling CancellationHandling { get; init; }

    public required int TopK { get; init; }

    public required long Seed { get; init; }

    /// <summary>The images that change the weights together.</summary>
    public long StepSize => (long)BatchSize * AccumulateSteps * Ranks.Size;

    /// <summary>How an epoch of so many rows is cut into steps, and this process's part of them into batches.</summary>
    public BatchPlan Plan(int rowCount) => new(rowCount, BatchSize, AccumulateSteps, Ranks.Rank, Ranks.Size);

    /// <summary>The learning rate of every step of a training of <paramref name="stepCount"/> steps an epoch.</summary>
    public LearningRateSchedule Schedule(int stepCount)
    {
        int total = checked(Epochs * stepCount);
        return new LearningRateSchedule(LearningRate, total, Math.Min((int)Math.Round(WarmupEpochs * stepCount), total / 2))
        {
            Decay = Decay,
            Milestones = Milestones,
            Factor = DecayFactor,
        };
    }

    public IOptimizer Optimizer(ResidualNetwork network)
    {
        IEnumerable<OptimizedParameter> parameters = network.TrainedParameters.Select(
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

    /// <summary>What has to be the same for a training to resume from a checkpoint: names and values.</summary>
    public IReadOnlyDictionary<string, string> Identity() => new Dictionary<string, string>
    {
        [nameof(Epochs)] = Text(Epochs),
        [nameof(BatchSize)] = Text(StepSize),
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
        [nameof(FrozenStages)] = Text(FrozenStages),
        [nameof(ValidationMetric)] = Text(ValidationMetric),
        [nameof(RestoresBestWeights)] = Text(RestoresBestWeights),
        [nameof(Seed)] = Text(Seed),
    };

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

    /// <summary>The head has the full rate, the last stage a part of it, each stage before a part of that, and the stem that of the first.</summary>
    private double RateScale(string name, int stageCount)
    {
        return ResidualNetwork.StageOf(name) is { } stage ? BackboneRateScale * Math.Pow(StageRateDecay, stageCount - stage) : 1;
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
