namespace Microsoft.ML.ResNet;

/// <summary>The order of the values in a pixel vector.</summary>
public enum PixelLayout
{
    /// <summary>Taken from the column's dimensions: [channels, height, width] is planar, [height, width, channels] interleaved.</summary>
    Auto,

    /// <summary>[channels, height, width]: all red values, then all green, then all blue. ExtractPixels gives this by default.</summary>
    Planar,

    /// <summary>[height, width, channels]: red, green and blue of the first pixel, then of the next. ExtractPixels gives this with <c>interleavePixelColors: true</c>.</summary>
    Interleaved,
}
