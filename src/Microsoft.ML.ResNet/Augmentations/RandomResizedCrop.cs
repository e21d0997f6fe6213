namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Chooses the part of an image that is resized to the network's input: torchvision's RandomResizedCrop (Szegedy et al. 2014, section 6).</summary>
internal static class RandomResizedCrop
{
    /// <summary>The ratio of width to height is drawn from 3/4 to 4/3, evenly in its logarithm (torchvision's default).</summary>
    public const double MinimumRatio = 3.0 / 4, MaximumRatio = 4.0 / 3;

    /// <summary>Draws before the centre is taken (torchvision).</summary>
    private const int Attempts = 10;

    /// <summary>Draws a box.</summary>
    /// <param name="minimumScale">The smallest share of the image's area; the largest is 1.</param>
    public static CropBox Choose(ref SplitMix64 random, int imageWidth, int imageHeight, double minimumScale)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = (double)imageWidth * imageHeight * random.NextDouble(minimumScale, 1);
            double ratio = Math.Exp(random.NextDouble(Math.Log(MinimumRatio), Math.Log(MaximumRatio)));
            int width = (int)Math.Round(Math.Sqrt(area * ratio)), height = (int)Math.Round(Math.Sqrt(area / ratio));
            if (width > 0 && width <= imageWidth && height > 0 && height <= imageHeight)
            {
                return new CropBox(random.Next(imageWidth - width + 1), random.Next(imageHeight - height + 1), width, height);
            }
        }

        return Centre(imageWidth, imageHeight);
    }

    /// <summary>The largest centred box whose ratio is allowed.</summary>
    private static CropBox Centre(int imageWidth, int imageHeight)
    {
        double ratio = (double)imageWidth / imageHeight;
        int width = ratio > MaximumRatio ? Math.Max(1, (int)Math.Round(imageHeight * MaximumRatio)) : imageWidth;
        int height = ratio < MinimumRatio ? Math.Max(1, (int)Math.Round(imageWidth / MinimumRatio)) : imageHeight;
        return new CropBox((imageWidth - width) / 2, (imageHeight - height) / 2, width, height);
    }
}
