namespace Microsoft.ML.ResNet.Network;

/// <summary>What a parameter is to an optimiser: weight decay is for weights alone.</summary>
internal enum ParameterKind
{
    /// <summary>The weight of a convolution or of the head.</summary>
    Weight,

    /// <summary>The scale or shift of a batch normalisation.</summary>
    Norm,

    /// <summary>The head's bias.</summary>
    Bias,
}
