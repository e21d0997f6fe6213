namespace Microsoft.ML.ResNet.Training;

/// <summary>What was decided before all layers are trained, which a resumed training can't find out again: the network is another by then.</summary>
internal sealed record FineTuningStart
{
    /// <summary>What the learning rate is multiplied by.</summary>
    public double RateScale { get; init; } = 1;

    /// <summary>How far to go from the fitted classifier (0) to the end of fine-tuning (1).</summary>
    public double Share { get; init; } = 1;

    /// <summary>The trial's, in its last epoch; null where there was none.</summary>
    public double? TrainingLoss { get; init; }

    /// <summary>Whether the weights at the end of the trial are kept, too.</summary>
    public bool HasTrial { get; init; }

    /// <summary>The fitted classifier on the held-out part of a large set; null where none is held out.</summary>
    public ValidationResult? Classifier { get; init; }

    /// <summary>The time that the comparison after the training will take.</summary>
    public TimeSpan Comparison { get; init; }
}
