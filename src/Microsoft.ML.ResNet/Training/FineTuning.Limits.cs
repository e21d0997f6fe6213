namespace Microsoft.ML.ResNet.Training;

/// <summary>What of fine-tuning there is time for, and images.</summary>
internal sealed partial class FineTuning
{
    /// <summary>The epochs of a trial, and of the training after it, that are worth their time.</summary>
    private const int FewestEpochs = 3;

    /// <summary>The time of a training step on an image, relative to that of its features: forward, backward and what varies it.</summary>
    private const double StepTime = 4;

    /// <summary>The time that is worth fitting a classifier anew to what the limit had left out, relative to that of the features of all images.</summary>
    private const double AgainTime = 3;

    /// <summary>The part of the remaining time in which a trial fits its classifier.</summary>
    private const double TrialClassifierTime = 0.1;

    /// <summary>The network as it is, with its fitted classifier, is the result.</summary>
    /// <param name="metrics">The classifier's, which are reported now.</param>
    private IReadOnlyList<EpochMetrics> Classifier(IReadOnlyList<EpochMetrics> metrics)
    {
        network.eval();
        foreach (EpochMetrics item in metrics)
        {
            host.Report(item with { Elapsed = host.Elapsed() });
        }

        return metrics;
    }

    private TimeSpan Remaining() => settings.MaxTrainingTime is { } limit ? limit - host.Elapsed() : TimeSpan.MaxValue;

    /// <summary>Whether a few epochs of a trial, its evaluations and a training after it fit into the time that is left.</summary>
    /// <param name="probe">Tells how long the images take forward.</param>
    private bool IsTimeToTry(LinearProbe probe)
    {
        double steps = Math.Min(settings.Epochs, FewestEpochs) * StepTime * (2 - HeldOutFraction), evaluations = (s_between.Length + 2) * HeldOutFraction;
        return Remaining() * (1 - TrialClassifierTime) >= (steps + evaluations) * probe.TimeOfView;
    }

    /// <summary>Whether enough images can be held out to tell anything from them.</summary>
    private bool CanTell() => StratifiedSplit.Of(images.Training.Labels, HeldOutFraction, settings.Seed).Validation.Length >= FewestHeldOut;

    private bool NeedsTrial()
        => images.Validation is null && images.Training.Count < LargestTrial && (settings.MaxTrainingTime is not { } limit || host.Elapsed() < limit);

    private TrainingSettings Limited(TrainingSettings whole)
        => settings.MaxTrainingTime is { } limit ? whole with { MaxTrainingTime = host.Elapsed() + ((limit - host.Elapsed()) * TrialTime) } : whole;

    /// <param name="weights">The network with its fitted classifier.</param>
    /// <param name="tried">That at the end of the trial, where there was one.</param>
    private void SaveStart(FineTuningStart began, BestWeights weights, BestWeights? tried = null)
    {
        if (checkpoints is not null)
        {
            CheckpointFolder.Try(() => checkpoints.SaveStart(began, weights, tried), "it is tried again with the next checkpoint", host);
        }
    }
}
