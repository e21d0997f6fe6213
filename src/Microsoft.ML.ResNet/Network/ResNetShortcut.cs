namespace Microsoft.ML.ResNet;

/// <summary>How a shortcut gets over a change of size or of channel count. Where neither changes, it is the identity.</summary>
public enum ResNetShortcut
{
    /// <summary>A 1x1 convolution with batch normalisation (option B of He et al. 2015).</summary>
    Projection,

    /// <summary>
    /// Every stride-th pixel, and channels of zeros, half of them before and half of them after the input's channels (option A of
    /// He et al. 2015). It has no parameters and can't narrow.
    /// </summary>
    ZeroPad,
}
