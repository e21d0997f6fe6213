using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>A decoded, upright image without alpha: [H,W,3] uint8, RGB, 0..255, rows without gaps.</summary>
/// <remarks>
/// An image that is not disposed is merely collected, unless it is large: see <see cref="PixelMemory"/>.
/// A decoder may give less than the original: a smaller scale, a part of it. <see cref="Scale"/>, <see cref="OffsetX"/> and
/// <see cref="OffsetY"/> say where a point of the original lies here.
/// </remarks>
internal sealed class PixelImage : IDisposable
{
    /// <summary>Value of all three channels of the background: transparent images and letterboxes are composed on white.</summary>
    public const byte Background = 255;

    private readonly PixelMemory _pixels;

    /// <summary>Makes an image with undefined content.</summary>
    public PixelImage(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        Width = width;
        Height = height;
        OriginalWidth = width;
        OriginalHeight = height;
        _pixels = new PixelMemory(checked(width * height * 3));
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>[H,W,3] uint8, RGB: exactly the image, until it is disposed.</summary>
    public Span<byte> Span => _pixels.Span;

    /// <summary>Upright size of the image that this one was decoded from.</summary>
    public int OriginalWidth { get; init; }

    /// <inheritdoc cref="OriginalWidth"/>
    public int OriginalHeight { get; init; }

    /// <summary>Pixels here for one pixel of the original; 1 unless decoded at a smaller scale.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Where the original's left edge lies here; not 0 where only a part was decoded, or an edge fell between pixels.</summary>
    public double OffsetX { get; init; }

    /// <summary>Where the original's upper edge lies here.</summary>
    public double OffsetY { get; init; }

    /// <summary>Copies [H,W,3] uint8, RGB.</summary>
    public static PixelImage FromPixels(ReadOnlySpan<byte> pixels, int width, int height)
    {
        var image = new PixelImage(width, height);
        if (pixels.Length != image.Span.Length)
        {
            throw new ArgumentException($"{width} x {height} pixels of 3 bytes are {image.Span.Length} bytes, but {pixels.Length} were given.", nameof(pixels));
        }

        pixels.CopyTo(image.Span);
        return image;
    }

    /// <summary>Copies the pixels of an <see cref="MLImage"/>, which is neither changed nor disposed.</summary>
    /// <remarks><see cref="MLImage"/> holds its colours multiplied by alpha, so that composing on the background is one addition.</remarks>
    public static PixelImage FromMLImage(MLImage source)
    {
        ArgumentNullException.ThrowIfNull(source);
        bool blueFirst = source.PixelFormat switch
        {
            MLPixelFormat.Bgra32 => true,
            MLPixelFormat.Rgba32 => false,
            _ => throw new InvalidDataException($"An MLImage has pixel format {source.PixelFormat}. Expected {MLPixelFormat.Bgra32} or {MLPixelFormat.Rgba32}."),
        };
        ReadOnlySpan<byte> pixels = source.Pixels;
        var image = new PixelImage(source.Width, source.Height);
        PixelPacking.PackPremultiplied(pixels, image.Span, blueFirst);
        GC.KeepAlive(source);
        return image;
    }

    public void Dispose() => _pixels.Dispose();
}
