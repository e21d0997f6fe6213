namespace Microsoft.ML.ResNet.Scoring;

/// <summary>What is computed of an image.</summary>
internal enum NetworkOutput
{
    /// <summary>The probability of each class.</summary>
    Probabilities,

    /// <summary>The pooled activations before the classifier.</summary>
    Features,
}
