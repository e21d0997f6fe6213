using System.Text.Json.Serialization;

namespace Microsoft.ML.ResNet;

/// <summary>How training stands: after a batch for <see cref="ResNetTrainer.Options.Progress"/>, after an epoch for <see cref="ResNetTrainer.Options.EpochCallback"/> and <see cref="ResNetTransformer.TrainingHistory"/>.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch, counted from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The number of epochs that the training runs; with a time limit, as many as will fit by now.</summary>
    public required int EpochCount { get; init; }

    /// <summary>The batches done in this epoch.</summary>
    public required int Batch { get; init; }

    /// <summary>The batches in the epoch. The last one is shorter where its time is over.</summary>
    public required int BatchCount { get; init; }

    /// <summary>The optimiser steps done since training began.</summary>
    public required long Step { get; init; }

    /// <summary>The training images seen in this epoch; at its end, the number of rows that are trained on.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The mean loss over the training images seen in this epoch, each taken when its batch was trained on; augmentation, label smoothing and weights included.</summary>
    public required double TrainingLoss { get; init; }

    /// <summary>The share of the training images seen in this epoch whose most probable class was right when their batch was trained on, 0 to 1. A mixed image counts as the one that it began as.</summary>
    public required double TrainingAccuracy { get; init; }

    /// <summary>The number of classes that the top-k accuracies look at: one of the k most probable has to be right.</summary>
    public int TopK { get; init; } = 1;

    /// <summary>The share of the training images seen in this epoch that have their class among the <see cref="TopK"/> most probable, 0 to 1.</summary>
    public double TrainingTopKAccuracy { get; init; }

    /// <summary>The mean cross-entropy over the whole validation set (nats); null within an epoch and without a validation set.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The share of the whole validation set whose most probable class is right, 0 to 1; null within an epoch and without a validation set.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>The mean, over the classes of the validation set, of the share of a class's images whose most probable class is right, 0 to 1; null within an epoch and without a validation set.</summary>
    public double? ValidationMacroAccuracy { get; init; }

    /// <summary>The share of the whole validation set that has its class among the <see cref="TopK"/> most probable, 0 to 1; null within an epoch and without a validation set.</summary>
    public double? ValidationTopKAccuracy { get; init; }

    /// <summary>The epoch with the best <see cref="ResNetTrainer.Options.ValidationMetric"/> so far, this one included; 0 where the fitted classifier of <see cref="FineTuningMode.HeadThenFull"/> is still the best; null without a validation set and before <see cref="ResNetTrainer.Options.ClassWeightingStart"/>.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>The <see cref="ResNetTrainer.Options.ValidationMetric"/> of <see cref="BestEpoch"/>.</summary>
    public double? BestValidationMetric { get; init; }

    /// <summary>The learning rate of the latest step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Training images per second in this epoch.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Time since <c>Fit</c> began, that of earlier runs of a resumed training included.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Time that the remaining epochs will take at the pace so far.</summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>
    /// Whether this is of the trial by which <see cref="FineTuningMode.HeadThenFull"/> finds how far to fine-tune: it comes before the training and has epochs and steps of its own.
    /// <see cref="ResNetTrainer.Options.Progress"/> alone is told of it.
    /// </summary>
    [JsonIgnore]
    public bool IsTrial { get; init; }

    /// <summary>Whether the epoch is over.</summary>
    public bool IsEpochEnd => Batch == BatchCount;
}
