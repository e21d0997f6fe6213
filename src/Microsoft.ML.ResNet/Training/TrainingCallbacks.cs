namespace Microsoft.ML.ResNet.Training;

/// <summary>Callbacks from the training loop to its host.</summary>
/// <param name="Report">Told after every batch; the last of an epoch has its validation metrics.</param>
/// <param name="Inform">Told in words what happens beside the epochs.</param>
/// <param name="CheckCancelled">Called before every batch; throws to stop.</param>
/// <param name="Elapsed">The time since the training was asked for.</param>
internal sealed record TrainingCallbacks(Action<EpochMetrics> Report, Action<string> Inform, Action CheckCancelled, Func<TimeSpan> Elapsed)
{
    /// <summary>Told in words what the user should change.</summary>
    public Action<string> Warn { get; init; } = Inform;
}
