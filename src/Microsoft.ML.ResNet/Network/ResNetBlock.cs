
namespace Microsoft.ML.ResNet;

/// <summary>The kind of residual block that a network is built of.</summary>
public enum ResNetBlock
{
    /// <summary>Two 3x3 convolutions.</summary>
    Basic,

    /// <summary>A 1x1, a 3x3 and a 1x1 convolution; the last one has four times the stage's width. The stride is on the 3x3 (ResNet v1.5).</summary>
    Bottleneck,
}
