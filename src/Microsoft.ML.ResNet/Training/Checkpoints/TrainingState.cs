namespace Microsoft.ML.ResNet.Training;

/// <summary>Where a training stands between two steps: all that a checkpoint needs beside tensors and settings.</summary>
internal sealed record TrainingState
{
    /// <summary>The epoch under way, counted from 1.</summary>
    public int Epoch { get; init; } = 1;

    /// <summary>The steps done in it.</summary>
    public int Batch { get; init; }

    /// <summary>The steps done in all epochs.</summary>
    public long Step { get; init; }

    /// <summary>See <see cref="TimeBudget.Position"/>.</summary>
    public double Position { get; init; }

    /// <summary>Over the images of the epoch under way.</summary>
    public RunningMetrics Metrics { get; init; } = new();

    public EarlyStopping.Memory Stopping { get; init; } = new();

    public TimeSpan Elapsed { get; init; }

    /// <summary>The images that a training with a time limit is validated on, the same in each epoch; null until it is decided, or where they are all.</summary>
    public int? ValidationCount { get; init; }

    /// <summary>The ranks that the training began with: they decide which rows are in which step, however many go on with it.</summary>
    public int ShardCount { get; init; } = 1;

    public bool IsFinished { get; init; }

    /// <summary>The epochs that are over.</summary>
    public EpochMetrics[] History { get; init; } = [];
}
