namespace Microsoft.ML.ResNet.Training;

/// <summary>What the ranks tell each other after a step: their metrics, and what has to be decided alike by all.</summary>
/// <param name="LossSum">The sum of the batches' mean losses, each times the number of its images.</param>
/// <param name="Cancelled">The ranks that are to stop.</param>
/// <param name="Elapsed">The main rank's time since the training began.</param>
/// <param name="StepTime">The time that the step took it.</param>
/// <param name="Evaluation">The time of its last evaluation.</param>
/// <param name="Saving">The time of its last checkpoint.</param>
/// <param name="SinceSaved">The time since then.</param>
internal readonly record struct StepReport(
    double LossSum, long ImageCount, long Correct, long TopKCorrect, int Cancelled, TimeSpan Elapsed, TimeSpan StepTime, TimeSpan Evaluation, TimeSpan Saving, TimeSpan SinceSaved)
{
    /// <summary>The sums of all ranks, and the main rank's times.</summary>
    public StepReport Combine(RankGroup ranks)
    {
        double Main(TimeSpan time) => ranks.IsMain ? time.TotalSeconds : 0;
        Span<double> values = [LossSum, ImageCount, Correct, TopKCorrect, Cancelled, Main(Elapsed), Main(StepTime), Main(Evaluation), Main(Saving), Main(SinceSaved)];
        ranks.Sum(values);
        return new StepReport(
            values[0],
            (long)values[1],
            (long)values[2],
            (long)values[3],
            (int)values[4],
            TimeSpan.FromSeconds(values[5]),
            TimeSpan.FromSeconds(values[6]),
            TimeSpan.FromSeconds(values[7]),
            TimeSpan.FromSeconds(values[8]),
            TimeSpan.FromSeconds(values[9]));
    }
}
