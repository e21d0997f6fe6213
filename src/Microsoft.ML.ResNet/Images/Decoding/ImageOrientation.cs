using SkiaSharp;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The turn that makes a stored image upright: EXIF orientations 1 to 8.</summary>
/// <param name="Transpose">Whether rows and columns change places, before anything is mirrored.</param>
/// <param name="MirrorX">Whether left and right change places then.</param>
/// <param name="MirrorY">Whether top and bottom change places then.</param>
internal readonly record struct ImageOrientation(bool Transpose, bool MirrorX, bool MirrorY)
{
    public static ImageOrientation FromOrigin(SKEncodedOrigin origin) => origin switch
    {
        SKEncodedOrigin.TopRight => new(false, true, false),
        SKEncodedOrigin.BottomRight => new(false, true, true),
        SKEncodedOrigin.BottomLeft => new(false, false, true),
        SKEncodedOrigin.LeftTop => new(true, false, false),
        SKEncodedOrigin.RightTop => new(true, true, false),
        SKEncodedOrigin.RightBottom => new(true, true, true),
        SKEncodedOrigin.LeftBottom => new(true, false, true),
        _ => default,
    };

    /// <summary>Where a box of the upright image lies in the stored one.</summary>
    /// <param name="box">A box of the upright image.</param>
    /// <param name="width">Width of the upright image.</param>
    /// <param name="height">Height of the upright image.</param>
    public ImageBox ToStored(in ImageBox box, int width, int height)
    {
        double x = MirrorX ? width - box.X - box.Width : box.X;
        double y = MirrorY ? height - box.Y - box.Height : box.Y;
        return Transpose ? new(y, x, box.Height, box.Width) : new(x, y, box.Width, box.Height);
    }

    /// <summary>Gives the upright image and disposes the stored one, or gives back the same where it is upright.</summary>
    public PixelImage MakeUpright(PixelImage stored)
    {
        if (this == default)
        {
            return stored;
        }

        using (stored)
        {
            (int width, int height) = Transpose ? (stored.Height, stored.Width) : (stored.Width, stored.Height);
            (int originalWidth, int originalHeight) = Transpose ? (stored.OriginalHeight, stored.OriginalWidth) : (stored.OriginalWidth, stored.OriginalHeight);
            (double x, double y) = Transpose ? (stored.OffsetY, stored.OffsetX) : (stored.OffsetX, stored.OffsetY);
            var upright = new PixelImage(width, height)
            {
                OriginalWidth = originalWidth,
                OriginalHeight = originalHeight,
                Scale = stored.Scale,
                OffsetX = MirrorX ? width - x - (originalWidth * stored.Scale) : x,
                OffsetY = MirrorY ? height - y - (originalHeight * stored.Scale) : y,
            };
            Turn(stored.Span, upright.Span, width, height);
            return upright;
        }
    }

    private void Turn(ReadOnlySpan<byte> from, Span<byte> to, int width, int height)
    {
        int stepX = Transpose ? height * 3 : 3;
        int stepY = Transpose ? 3 : width * 3;
        int start = (MirrorX ? (width - 1) * stepX : 0) + (MirrorY ? (height - 1) * stepY : 0);
        stepX = MirrorX ? -stepX : stepX;
        stepY = MirrorY ? -stepY : stepY;
        int target = 0;
        for (int y = 0; y < height; y++)
        {
            int source = start + (y * stepY);
            for (int x = 0; x < width; x++)
            {
                to[target] = from[source];
                to[target + 1] = from[source + 1];
                to[target + 2] = from[source + 2];
                target += 3;
                source += stepX;
            }
        }
    }
}
