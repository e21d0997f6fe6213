namespace Microsoft.ML.ResNet.Training;

/// <content>When the running statistics of batch normalisation are estimated anew.</content>
internal sealed partial class TrainingLoop
{
    /// <summary>
    /// Steps below which the moving averages of a network that began with none are behind its weights: after 32 steps on 1,000 images of Fashion-MNIST an estimate has an accuracy of 0.508 for 0.288,
    /// after 64 0.626 for 0.555, after 128 0.746 for 0.743, after 512 the same and a worse log-loss (means of two seeds).
    /// </summary>
    private const int FewSteps = 200;

    private bool AreStatisticsBehind => _settings.IsFromScratch && _state.Step < FewSteps;

    /// <summary>
    /// What is validated, and may be returned, has the statistics of its weights. At the end, when weights hardly change any more, the moving averages are of more images than an estimate: with them
    /// networks that were fine-tuned on 300 photographs were better.
    /// </summary>
    private void EstimateStatistics(double learningRate)
    {
        const double low = 0.2;
        if (!_settings.FreezesStatistics && (AreStatisticsBehind || learningRate > low * _settings.LearningRate || _pace.Position <= _schedule.RisingSteps))
        {
            // All ranks compute the same.
            EstimateStatistics(_ranks.IsSingle ? _host.CheckCancelled : () => { });
        }
    }

    private void EstimateStatistics(Action checkCancelled) => RunningStatistics.Estimate(Result, _images.Training, _scoring.Device, _settings.Seed, checkCancelled);

    /// <summary>The time that an estimate of statistics at the end will take, where there will be one and no evaluation includes it: a step's forward passes take a third of its time.</summary>
    private TimeSpan TimeOfEstimate(TimeSpan step)
    {
        const double shareOfForward = 1.0 / 3;
        double steps = Math.Min(RunningStatistics.MostImages, _images.Training.Count) / (double)_plan.StepSize;
        return AreStatisticsBehind && _validation is null ? step * steps * shareOfForward : TimeSpan.Zero;
    }
}
