namespace Microsoft.ML.ResNet;

/// <summary>How training stands: after a batch for <see cref="ResNetTrainer.Options.Progress"/>, after an epoch for <see cref="ResNetTrainer.Options.EpochCallback"/> and <see cref="ResNetTransformer.TrainingHistory"/>.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch, counted from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The number of epochs that the training runs.</summary>
    public required int EpochCount { get; init; }

    /// <summary>The batches done in this epoch.</summary>
    public required int Batch { get; init; }

    /// <summary>The batches in an epoch.</summary>
    public required int BatchCount { get; init; }

    /// <summary>The optimiser steps done since training began.</summary>
    public required long Step { get; init; }

    /// <summary>The training images seen in this epoch; at its end, the number of rows that are trained on.</summary>
    public required int ImageCount { get; init; }

    /// <summary>The mean loss over the training images seen in this epoch, each taken when its batch was trained on, augmentation and label smoothing included.</summary>
    public required double TrainingLoss { get; init; }

    /// <summary>The share of the training images seen in this epoch whose most probable class was right when their batch was trained on, 0 to 1.</summary>
    public required double TrainingAccuracy { get; init; }

    /// <summary>The mean cross-entropy over the whole validation set (nats); null within an epoch and without a validation set.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The share of the whole validation set whose most probable class is right, 0 to 1; null within an epoch and without a validation set.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>The learning rate of the latest step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Training images per second in this epoch.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Time since <c>Fit</c> began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Time that the remaining epochs will take at the pace so far.</summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>Whether the epoch is over.</summary>
    public bool IsEpochEnd => Batch == BatchCount;
}
