namespace Microsoft.ML.ResNet;

/// <summary>What decides which epoch is the best.</summary>
public enum ValidationMetric
{
    /// <summary>The accuracy on the validation set: higher is better.</summary>
    Accuracy,

    /// <summary>The cross-entropy on the validation set: lower is better.</summary>
    Loss,
}
