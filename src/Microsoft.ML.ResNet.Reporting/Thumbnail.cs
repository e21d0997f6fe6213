using SkiaSharp;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>Small pictures that a page holds within itself.</summary>
internal static class Thumbnail
{
    private const int Side = 112, Quality = 82;

    /// <summary>The size of an image as it is shown, or null where it can't be told.</summary>
    public static SKSizeI? SizeOf(ImageContent image)
    {
        try
        {
            using SKData data = image.Bytes is { } bytes ? SKData.CreateCopy(bytes) : SKData.Create(image.Path);
            using SKCodec? codec = data is null ? null : SKCodec.Create(data);
            return codec is null ? null : IsSideways(codec.EncodedOrigin) ? new SKSizeI(codec.Info.Height, codec.Info.Width) : codec.Info.Size;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The image as a data URI, upright, as large as fits a square; null where it can't be decoded.</summary>
    public static string? DataUri(ImageContent image)
    {
        byte[] content;
        try
        {
            content = image.Read();
        }
        catch (IOException)
        {
            return null;
        }

        using SKData data = SKData.CreateCopy(content);
        using SKCodec? codec = SKCodec.Create(data);
        using SKBitmap? bitmap = codec is null ? null : SKBitmap.Decode(codec, new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        if (bitmap is null)
        {
            return null;
        }

        SKEncodedOrigin origin = codec!.EncodedOrigin;
        int width = IsSideways(origin) ? bitmap.Height : bitmap.Width, height = IsSideways(origin) ? bitmap.Width : bitmap.Height;
        float scale = Math.Min((float)Side / width, (float)Side / height);
        using var target = new SKBitmap(new SKImageInfo(Math.Max(1, (int)MathF.Round(width * scale)), Math.Max(1, (int)MathF.Round(height * scale)), SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(target))
        {
            canvas.Clear(SKColors.White);
            canvas.Scale((float)target.Width / width, (float)target.Height / height);
            SKMatrix upright = Upright(origin, width, height);
            canvas.Concat(ref upright);
            using SKImage picture = SKImage.FromBitmap(bitmap);
            using var paint = new SKPaint { FilterQuality = scale < 1 ? SKFilterQuality.Medium : SKFilterQuality.None };
            canvas.DrawImage(picture, 0, 0, paint);
        }

        using SKData encoded = target.Encode(SKEncodedImageFormat.Jpeg, Quality);
        return $"data:image/jpeg;base64,{Convert.ToBase64String(encoded.ToArray())}";
    }

    private static bool IsSideways(SKEncodedOrigin origin) => origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;

    /// <summary>From the pixels as they are stored to an image of this size as it is shown (EXIF's eight orientations).</summary>
    private static SKMatrix Upright(SKEncodedOrigin origin, int width, int height) => origin switch
    {
        SKEncodedOrigin.TopRight => new SKMatrix(-1, 0, width, 0, 1, 0, 0, 0, 1),
        SKEncodedOrigin.BottomRight => new SKMatrix(-1, 0, width, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.BottomLeft => new SKMatrix(1, 0, 0, 0, -1, height, 0, 0, 1),
        SKEncodedOrigin.LeftTop => new SKMatrix(0, 1, 0, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightTop => new SKMatrix(0, -1, width, 1, 0, 0, 0, 0, 1),
        SKEncodedOrigin.RightBottom => new SKMatrix(0, -1, width, -1, 0, height, 0, 0, 1),
        SKEncodedOrigin.LeftBottom => new SKMatrix(0, 1, 0, -1, 0, height, 0, 0, 1),
        _ => SKMatrix.Identity,
    };
}
