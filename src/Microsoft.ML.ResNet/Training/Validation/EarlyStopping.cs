namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Remembers the best epoch, and says when the metric has not improved for long enough. It belongs to one training. The best epoch is
/// the one with the best value, however small its lead; patience ends unless a value is better than the last that counted by the least
/// change. While the learning rate still rises no epoch uses patience up: the running statistics of normalisations lag behind weights
/// that change fast, so that a value may be far worse than those before and after it.
/// </summary>
internal sealed class EarlyStopping(ValidationMetric metric, int? patience, double minimumChange)
{
    /// <summary>What has been seen so far; set when a training is resumed.</summary>
    public Memory State { get; set; } = new();

    /// <summary>Takes in the metric of an epoch, counted from 1.</summary>
    /// <param name="value">One that is no number is never the best, and no improvement.</param>
    /// <param name="isWarmup">Whether the learning rate has been rising until here.</param>
    /// <returns>Whether the epoch is the best so far, and whether to stop.</returns>
    public (bool IsBest, bool IsOver) Add(int epoch, double value, bool isWarmup = false)
    {
        bool isNumber = !double.IsNaN(value);
        bool isBest = isNumber && (State.Best is not { } best || IsBetter(value, best, by: 0));
        bool hasImproved = isNumber && (State.Reference is not { } reference || IsBetter(value, reference, minimumChange));
        State = new Memory
        {
            Best = isBest ? value : State.Best,
            BestEpoch = isBest ? epoch : State.BestEpoch,
            Reference = hasImproved ? value : State.Reference,
            EpochsWaited = hasImproved || isWarmup ? 0 : State.EpochsWaited + 1,
        };
        return (isBest, State.EpochsWaited >= patience);
    }

    private bool IsBetter(double value, double than, double by) => metric == ValidationMetric.Loss ? than - value > by : value - than > by;

    /// <summary>The memory of a training, as a checkpoint holds it.</summary>
    public sealed record Memory
    {
        public double? Best { get; init; }

        public int? BestEpoch { get; init; }

        public double? Reference { get; init; }

        public int EpochsWaited { get; init; }
    }
}
