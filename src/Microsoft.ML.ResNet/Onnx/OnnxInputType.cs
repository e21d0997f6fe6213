namespace Microsoft.ML.ResNet;

/// <summary>The element type of an exported network's input.</summary>
public enum OnnxInputType
{
    /// <summary>
    /// Single precision: pixel values of 0 to 255, as ML.NET's ExtractPixels gives, or, for a model trained on pixel vectors of another
    /// range, of that range.
    /// </summary>
    Float32,

    /// <summary>Bytes: pixel values of 0 to 255.</summary>
    UInt8,
}
