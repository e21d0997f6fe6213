using System.Runtime.InteropServices;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// An encoded image whose header has been read: its size is known and checked, no pixel has been decoded. Decode once, then dispose.
/// </summary>
internal sealed class EncodedImage : IDisposable
{
    // One strip of rows lives in the first-level cache between the codec and the packing to RGB.
    private const int StripRows = 16;

    // Columns decoded beside a region, in pixels at the decoded scale: chroma upsampling looks at its neighbours.
    private const int RegionMargin = 8;

    private readonly string _source;
    private readonly GCHandle _pin;
    private readonly SKData _data;
    private readonly SKCodec _codec;
    private readonly ImageOrientation _orientation;

    private EncodedImage(string source, GCHandle pin, SKData data, SKCodec codec, SKEncodedOrigin origin)
    {
        _source = source;
        _pin = pin;
        _data = data;
        _codec = codec;
        _orientation = ImageOrientation.FromOrigin(origin);
        (Width, Height) = _orientation.Transpose ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
    }

    /// <summary>Width of the upright image.</summary>
    public int Width { get; }

    /// <summary>Height of the upright image.</summary>
    public int Height { get; }

    /// <summary>Reads the header. The bytes must not change until the image is disposed.</summary>
    /// <param name="encoded">The whole file.</param>
    /// <param name="source">Begins the sentence of an error: "Image file 'a.jpg'".</param>
    /// <param name="maxPixels">Most pixels that the image may claim to have.</param>
    /// <exception cref="InvalidDataException">Not an image of a supported format, or more pixels than allowed.</exception>
    public static EncodedImage Open(ReadOnlyMemory<byte> encoded, string source, long maxPixels)
    {
        if (encoded.IsEmpty)
        {
            throw Unsupported(source, default);
        }

        if (!MemoryMarshal.TryGetArray(encoded, out ArraySegment<byte> segment))
        {
            segment = encoded.ToArray();
        }

        GCHandle pin = GCHandle.Alloc(segment.Array, GCHandleType.Pinned);
        SKData? data = null;
        SKCodec? codec = null;
        try
        {
            data = SKData.Create(pin.AddrOfPinnedObject() + segment.Offset, segment.Count);
            codec = SKCodec.Create(data);
            // Skia opens further formats, of which some (WBMP) have next to no signature: a file of zeros must not pass for an image.
            if (codec is null || codec.EncodedFormat is not (SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Png or SKEncodedImageFormat.Webp or SKEncodedImageFormat.Bmp or SKEncodedImageFormat.Gif))
            {
                throw Unsupported(source, encoded.Span);
            }

            RequireSize(codec.Info, source, maxPixels);
            return new EncodedImage(source, pin, data, codec, OriginOf(codec, encoded.Span));
        }
        catch
        {
            codec?.Dispose();
            data?.Dispose();
            pin.Free();
            throw;
        }
    }

    /// <summary>Decodes the image, upright, on the background.</summary>
    /// <param name="eighths">A JPEG comes out at this many eighths of its size, 1 to 8; anything else is decoded whole.</param>
    /// <param name="region">The part that is needed, in pixels of the upright original; a JPEG may come out without the rest.</param>
    /// <exception cref="InvalidDataException">The data are incomplete or damaged.</exception>
    public PixelImage Decode(int eighths = 8, ImageBox? region = null)
    {
        PixelImage stored = _codec.EncodedFormat == SKEncodedImageFormat.Jpeg
            ? DecodeJpeg(eighths, region ?? ImageBox.Whole(Width, Height))
            : DecodeWhole();
        return _orientation.MakeUpright(stored);
    }

    public void Dispose()
    {
        _codec.Dispose();
        _data.Dispose();
        if (_pin.IsAllocated)
        {
            _pin.Free();
        }
    }

    /// <summary>EXIF's number is Skia's.</summary>
    private static SKEncodedOrigin OriginOf(SKCodec codec, ReadOnlySpan<byte> encoded)
        => codec.EncodedFormat == SKEncodedImageFormat.Png ? (SKEncodedOrigin)PngOrientation.Read(encoded) : codec.EncodedOrigin;

    private static void RequireSize(SKImageInfo info, string source, long maxPixels)
    {
        long pixels = (long)info.Width * info.Height;
        if (pixels < 1)
        {
            throw new InvalidDataException($"{source} cannot be decoded: its size is {info.Width} x {info.Height} pixels.");
        }

        if (pixels > maxPixels || pixels > Array.MaxLength / 4)
        {
            throw new InvalidDataException(
                $"{source} is too large: {info.Width} x {info.Height} are {pixels} pixels, but at most {Math.Min(maxPixels, Array.MaxLength / 4)} are allowed. "
                + "Make the image smaller, or leave it out.");
        }
    }

    private static InvalidDataException Unsupported(string source, ReadOnlySpan<byte> content) => new(
        ImageSignature.LongSides(content) is var (format, width, height, limit)
            ? $"{source} is too large: its header says {width} x {height} pixels, but a side of a {format} image may have at most {limit}. Make the image smaller, or leave it out."
            : $"{source} cannot be decoded: it holds {ImageSignature.Describe(content)}. "
                + $"Formats that work are {ImageSignature.SupportedFormats}. Convert the image to one of them or remove it from the data.");

    private unsafe PixelImage DecodeWhole()
    {
        bool opaque = _codec.Info.AlphaType == SKAlphaType.Opaque;
        // Unpremultiplied: multiplying by alpha would round the colours before they are composed.
        SKImageInfo info = new(_codec.Info.Width, _codec.Info.Height, SKColorType.Rgba8888, opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
        using var rgba = new PixelMemory(info.BytesSize);
        SKCodecResult result;
        fixed (byte* target = rgba.Span)
        {
            result = _codec.GetPixels(info, (IntPtr)target);
        }

        if (result != SKCodecResult.Success)
        {
            throw Damaged(result);
        }

        var image = new PixelImage(info.Width, info.Height);
        if (opaque)
        {
            PixelPacking.PackOpaque(rgba.Span, image.Span);
        }
        else
        {
            PixelPacking.PackUnpremultiplied(rgba.Span, image.Span);
        }

        return image;
    }

    /// <summary>Decodes the rows and columns of a region at n/8 of the size, strip by strip. A JPEG has no alpha.</summary>
    private PixelImage DecodeJpeg(int eighths, ImageBox region)
    {
        SKSizeI size = _codec.GetScaledDimensions(eighths / 8f);
        double scale = eighths / 8.0;
        ImageBox box = _orientation.ToStored(region, Width, Height);
        int left = Math.Clamp((int)Math.Floor(box.X * scale) - RegionMargin, 0, size.Width - 1);
        int right = Math.Clamp((int)Math.Ceiling((box.X + box.Width) * scale) + RegionMargin, left + 1, size.Width);
        int top = Math.Clamp((int)Math.Floor(box.Y * scale) - RegionMargin, 0, size.Height - 1);
        int bottom = Math.Clamp((int)Math.Ceiling((box.Y + box.Height) * scale) + RegionMargin, top + 1, size.Height);

        SKImageInfo info = new(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        SKCodecOptions options = right - left < size.Width ? new(new SKRectI(left, 0, right, size.Height)) : SKCodecOptions.Default;
        SKCodecResult result = _codec.StartScanlineDecode(info, options);
        if (result != SKCodecResult.Success)
        {
            throw Damaged(result);
        }

        var image = new PixelImage(right - left, bottom - top)
        {
            OriginalWidth = _codec.Info.Width,
            OriginalHeight = _codec.Info.Height,
            Scale = scale,
            OffsetX = -left,
            OffsetY = -top,
        };
        try
        {
            ReadRows(image, top, size.Height);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private unsafe void ReadRows(PixelImage image, int top, int codedHeight)
    {
        int stride = image.Width * 4;
        using var memory = new PixelMemory(checked(stride * StripRows));
        Span<byte> strip = memory.Span;
        fixed (byte* target = strip)
        {
            Skip(top);
            for (int row = 0; row < image.Height; row += StripRows)
            {
                int rows = Math.Min(StripRows, image.Height - row);
                Read((IntPtr)target, rows, stride);
                PixelPacking.PackOpaque(strip[..(rows * stride)], image.Span.Slice(row * image.Width * 3, rows * image.Width * 3));
            }

            // A file that ends within the rows that are not needed is incomplete all the same. Skipping does not notice; reading does.
            int rest = codedHeight - top - image.Height;
            if (rest > 0)
            {
                Skip(rest - 1);
                Read((IntPtr)target, 1, stride);
            }
        }
    }

    private void Skip(int rows)
    {
        if (rows > 0 && !_codec.SkipScanlines(rows))
        {
            throw Damaged(SKCodecResult.IncompleteInput);
        }
    }

    private void Read(IntPtr target, int rows, int stride)
    {
        if (_codec.GetScanlines(target, rows, stride) != rows)
        {
            throw Damaged(SKCodecResult.IncompleteInput);
        }
    }

    private InvalidDataException Damaged(SKCodecResult result)
    {
        string what = result switch
        {
            SKCodecResult.IncompleteInput => "its data end before the last pixel; the file is truncated or damaged",
            SKCodecResult.ErrorInInput or SKCodecResult.InvalidInput => "its data are damaged",
            _ => $"the decoder reports {result}",
        };
        return new InvalidDataException($"{_source} cannot be decoded: it holds a {NameOf(_codec.EncodedFormat)} image of {Width} x {Height} pixels, but {what}. Replace the image or remove it from the data.");
    }

    private static string NameOf(SKEncodedImageFormat format) => format switch
    {
        SKEncodedImageFormat.Webp => "WebP",
        _ => format.ToString().ToUpperInvariant(),
    };
}
