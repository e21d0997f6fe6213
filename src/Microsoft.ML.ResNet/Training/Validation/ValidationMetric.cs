namespace Microsoft.ML.ResNet;

/// <summary>What decides which epoch is the best.</summary>
public enum ValidationMetric
{
    /// <summary>The accuracy on the validation set: higher is better.</summary>
    Accuracy,

    /// <summary>The cross-entropy on the validation set: lower is better.</summary>
    Loss,

    /// <summary>The mean over the classes of the share of a class's images that are right, so that rare classes count like frequent ones: higher is better.</summary>
    MacroAccuracy,
}
