namespace Microsoft.ML.ResNet;

/// <summary>The meaning of the values in a pixel vector.</summary>
public enum PixelRange
{
    /// <summary>
    /// <see cref="Normalized"/> where the column comes from NormalizePixels, which says so in an annotation; otherwise determined
    /// from the first training rows (a negative value: normalised; none above 1: 0 to 1; none above 255: 0 to 255; else an error), logged, and
    /// checked against every later row.
    /// </summary>
    Auto,

    /// <summary>0 to 255, as ExtractPixels gives.</summary>
    ZeroTo255,

    /// <summary>0 to 1.</summary>
    ZeroToOne,

    /// <summary>
    /// Already normalised: the network takes the values as they are. A model refuses other ones that NormalizePixels normalised with another mean or deviation
    /// than the training data, and values that are far outside of the training data's.
    /// </summary>
    Normalized,
}
