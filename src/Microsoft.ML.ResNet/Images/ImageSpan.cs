namespace Microsoft.ML.ResNet.Images;

/// <summary>An image that augmentation works on in place: [height, width, channels], uint8 or float32.</summary>
/// <typeparam name="T">The type of a value, byte or float.</typeparam>
/// <param name="white">
/// The value of white, where black is 0: 255 for uint8, 255 or 1 for float32. 0 where it is not known, as for normalised values: then
/// operations on colours can't be done.
/// </param>
internal readonly ref struct ImageSpan<T>(Span<T> values, int width, int height, int channels, float white)
    where T : unmanaged
{
    public Span<T> Values { get; } = values;

    public int Width { get; } = width;

    public int Height { get; } = height;

    public int Channels { get; } = channels;

    public float White { get; } = white;

    /// <summary>The values of one row.</summary>
    public int RowLength => Width * Channels;

    public Span<T> Row(int y) => Values.Slice(y * RowLength, RowLength);
}
