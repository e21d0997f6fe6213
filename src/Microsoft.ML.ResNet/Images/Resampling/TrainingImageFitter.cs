namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Brings an image to the size that is kept for training: with its short side as in scoring but the whole of its long side, so that
/// random crops see all of the picture; for the other fits, exactly the network's input. Cutting the centre gives what scoring sees.
/// </summary>
internal sealed class TrainingImageFitter(ImagePreprocessing preprocessing)
{
    private readonly ImageResizer _resizer = new();
    private readonly ImagePreprocessor _exact = new(preprocessing.Width, preprocessing.Height, preprocessing.ShortSide, preprocessing.Fit);

    /// <summary>Decodes and fits an encoded image.</summary>
    /// <param name="source">Begins the sentence of an error: "The image in row 7".</param>
    /// <exception cref="InvalidDataException">The image can't be decoded.</exception>
    public PixelImage Load(ReadOnlyMemory<byte> content, string source)
    {
        if (preprocessing.Fit != ImageFit.ShortSideCrop)
        {
            return Filled(preprocessing.Width, preprocessing.Height, target => _exact.Load(content, source, target.Span));
        }

        using EncodedImage encoded = EncodedImage.Open(content, source, ImageDecoder.DefaultMaxPixels);
        ImagePlacement placement = Place(encoded.Width, encoded.Height);
        using PixelImage decoded = encoded.Decode(ImageGeometry.DecodingEighths(placement.Scale), placement.Needed);
        return Resize(decoded, placement);
    }

    /// <summary>Fits a decoded image, which is neither changed nor disposed.</summary>
    public PixelImage Load(PixelImage image)
    {
        if (preprocessing.Fit != ImageFit.ShortSideCrop)
        {
            return Filled(preprocessing.Width, preprocessing.Height, target => _exact.Load(image, target.Span));
        }

        return Resize(image, Place(image.OriginalWidth, image.OriginalHeight));
    }

    /// <summary>The part of an image that is kept, and its size afterwards.</summary>
    private ImagePlacement Place(int originalWidth, int originalHeight)
    {
        var (width, height) = ImageGeometry.ResizeShortSide(originalWidth, originalHeight, preprocessing.ShortSide);
        int keptWidth = (int)ImageGeometry.Kept(width, height), keptHeight = (int)ImageGeometry.Kept(height, width);
        double stepX = originalWidth / (double)width, stepY = originalHeight / (double)height;
        double left = ImageGeometry.KeptOffset(width, keptWidth, preprocessing.Width);
        double top = ImageGeometry.KeptOffset(height, keptHeight, preprocessing.Height);
        return new ImagePlacement(new ImageBox(left * stepX, top * stepY, keptWidth * stepX, keptHeight * stepY), 0, 0, keptWidth, keptHeight);
    }

    private PixelImage Resize(PixelImage source, ImagePlacement placement)
        => Filled(placement.Width, placement.Height, target => _resizer.Resize(source, placement.Source, target.Span, target.Width, target.Height));

    private static PixelImage Filled(int width, int height, Action<PixelImage> fill)
    {
        var image = new PixelImage(width, height);
        try
        {
            fill(image);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }
}
