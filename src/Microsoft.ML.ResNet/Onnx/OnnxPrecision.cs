namespace Microsoft.ML.ResNet;

/// <summary>The arithmetic of an exported network.</summary>
public enum OnnxPrecision
{
    /// <summary>Single precision, as the network scores here.</summary>
    Float32,

    /// <summary>
    /// Half precision: a file of half the size, for GPUs and other devices that compute in it. Input and outputs stay as they are in single
    /// precision; preprocessing and softmax are computed in it.
    /// </summary>
    Float16,
}
