namespace Microsoft.ML.ResNet;

/// <summary>What comes before the first residual block.</summary>
public enum ResNetStem
{
    /// <summary>
    /// Chosen by the size of the images: <see cref="Cifar"/> where the shorter side has at most 64 pixels, else <see cref="ImageNet"/>.
    /// </summary>
    Auto,

    /// <summary>A 7x7 convolution with stride 2 and a 3x3 max-pool with stride 2: a quarter of the image's side.</summary>
    ImageNet,

    /// <summary>A 3x3 convolution with stride 1 and no pooling: the image's own side.</summary>
    Cifar,
}
