namespace Microsoft.ML.ResNet.Images;

/// <summary>Which box of an image goes to which rectangle of the network's input.</summary>
/// <param name="Source">The box, in pixels of the image.</param>
/// <param name="X">Left edge of the rectangle.</param>
/// <param name="Y">Upper edge of the rectangle.</param>
/// <param name="Width">Width of the rectangle.</param>
/// <param name="Height">Height of the rectangle.</param>
internal readonly record struct ImagePlacement(ImageBox Source, int X, int Y, int Width, int Height)
{
    /// <summary>Pixels of the input for one pixel of the image, along the axis where there are more.</summary>
    public double Scale => Math.Max(Width / Source.Width, Height / Source.Height);

    /// <summary>The box and what the filter sees around it: one pixel of the input, or of the image where that is larger.</summary>
    public ImageBox Needed
    {
        get
        {
            double x = Math.Max(1, Source.Width / Width);
            double y = Math.Max(1, Source.Height / Height);
            return new(Source.X - x, Source.Y - y, Source.Width + (2 * x), Source.Height + (2 * y));
        }
    }
}

/// <summary>The arithmetic of fitting an image to the network's input. Nothing here touches a pixel.</summary>
internal static class ImageGeometry
{
    // Times the final size that a JPEG is decoded at, at least. Below 6/8 each block of 8 x 8 keeps so few frequencies that the filter
    // needs more of them. Mean difference from decoding whole, in units of 1/255, photos resized to a short side of 256:
    // 500 x 375 at 6/8 1.0, 800 x 600 at 5/8 0.8 (at 4/8 1.4), 1600 x 1200 at 3/8 0.6 (at 2/8 2.1). Up to 400 x 300 nothing changes.
    private const double MarginAtSixEighths = 1.05;
    private const double MarginBelow = 1.4;

    /// <summary>Beyond this ratio of sides only the middle of an image is kept: a panorama must not take the memory of a hundred pictures.</summary>
    private const int MaximumAspectRatio = 3;

    /// <summary>The eighths of its size, 1 to 8, that a JPEG can be decoded at without a visible difference in the result.</summary>
    /// <param name="scale">Pixels of the result for one pixel of the image.</param>
    public static int DecodingEighths(double scale)
    {
        int eighths = (int)Math.Ceiling(Math.Min(8, Math.Max(1, scale * MarginBelow * 8)));
        if (eighths < 6)
        {
            return eighths;
        }

        // 7/8 takes as long as the whole.
        return scale * MarginAtSixEighths * 8 <= 6 ? 6 : 8;
    }

    /// <summary>Fits an image to the network's input.</summary>
    /// <param name="width">Width of the image.</param>
    /// <param name="height">Height of the image.</param>
    /// <param name="targetWidth">Width of the input.</param>
    /// <param name="targetHeight">Height of the input.</param>
    /// <param name="shortSide">Length of the short side before the crop; only <see cref="ImageFit.ShortSideCrop"/> uses it.</param>
    /// <param name="fit">The way to fit.</param>
    /// <param name="crop">The part that is cut out; only <see cref="ImageFit.ShortSideCrop"/> uses it.</param>
    public static ImagePlacement Place(int width, int height, int targetWidth, int targetHeight, int shortSide, ImageFit fit, CropPosition crop = CropPosition.Center)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(targetWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(targetHeight, 1);
        return fit switch
        {
            ImageFit.ShortSideCrop => Crop(width, height, targetWidth, targetHeight, shortSide, crop),
            ImageFit.Stretch => new(ImageBox.Whole(width, height), 0, 0, targetWidth, targetHeight),
            ImageFit.Pad => Letterbox(width, height, targetWidth, targetHeight),
            _ => throw new ArgumentOutOfRangeException(nameof(fit), fit, $"Expected a value of {nameof(ImageFit)}."),
        };
    }

    /// <summary>The size that torchvision's <c>Resize(shortSide)</c> gives: the long side is truncated.</summary>
    public static (long Width, long Height) ResizeShortSide(int width, int height, int shortSide)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shortSide, 1);
        return width <= height
            ? (shortSide, (long)shortSide * height / width)
            : ((long)shortSide * width / height, shortSide);
    }

    private static ImagePlacement Crop(int width, int height, int targetWidth, int targetHeight, int shortSide, CropPosition crop)
    {
        (long resizedWidth, long resizedHeight) = ResizeShortSide(width, height, shortSide);
        if (resizedWidth < targetWidth || resizedHeight < targetHeight)
        {
            // torchvision would fill with black. Here the image is resized until it covers the input.
            double cover = Math.Max(targetWidth / (double)width, targetHeight / (double)height);
            resizedWidth = Math.Max(targetWidth, (long)(width * cover));
            resizedHeight = Math.Max(targetHeight, (long)(height * cover));
        }

        // Resize and crop in one: the box that the crop comes from. An image of 8000 x 10 would otherwise become 204800 x 256.
        double stepX = width / (double)resizedWidth;
        double stepY = height / (double)resizedHeight;
        long keptWidth = Kept(resizedWidth, resizedHeight), keptHeight = Kept(resizedHeight, resizedWidth);
        var (cropLeft, cropTop) = CropOffset(crop, keptWidth, keptHeight, targetWidth, targetHeight);
        double left = KeptOffset(resizedWidth, keptWidth, targetWidth) + cropLeft;
        double top = KeptOffset(resizedHeight, keptHeight, targetHeight) + cropTop;
        return new(new(left * stepX, top * stepY, targetWidth * stepX, targetHeight * stepY), 0, 0, targetWidth, targetHeight);
    }

    /// <summary>The length of a side that is kept of a resized image: three times the other one at most.</summary>
    public static long Kept(long side, long other) => Math.Min(side, MaximumAspectRatio * other);

    /// <summary>Where what is kept of a side begins: cutting its centre gives the centre of the whole, the rounding of both offsets included.</summary>
    public static double KeptOffset(long side, long kept, int crop) => CentreOffset(side, crop) - CentreOffset(kept, crop);

    /// <summary>Where a crop of an image begins, as torchvision's <c>CenterCrop</c> and <c>FiveCrop</c> cut it.</summary>
    public static (long Left, long Top) CropOffset(CropPosition crop, long width, long height, int cropWidth, int cropHeight) => crop switch
    {
        CropPosition.Center => ((long)CentreOffset(width, cropWidth), (long)CentreOffset(height, cropHeight)),
        CropPosition.TopLeft => (0, 0),
        CropPosition.TopRight => (width - cropWidth, 0),
        CropPosition.BottomLeft => (0, height - cropHeight),
        CropPosition.BottomRight => (width - cropWidth, height - cropHeight),
        _ => throw new ArgumentOutOfRangeException(nameof(crop), crop, $"Expected a value of {nameof(CropPosition)}."),
    };

    // torchvision's CenterCrop: int(round((size - crop) / 2)), and Python rounds halves to even.
    private static double CentreOffset(long size, int crop) => Math.Round((size - crop) / 2.0, MidpointRounding.ToEven);

    private static ImagePlacement Letterbox(int width, int height, int targetWidth, int targetHeight)
    {
        double scale = Math.Min(targetWidth / (double)width, targetHeight / (double)height);
        int fittedWidth = Math.Clamp((int)Math.Round(width * scale), 1, targetWidth);
        int fittedHeight = Math.Clamp((int)Math.Round(height * scale), 1, targetHeight);
        return new(ImageBox.Whole(width, height), (targetWidth - fittedWidth) / 2, (targetHeight - fittedHeight) / 2, fittedWidth, fittedHeight);
    }
}
