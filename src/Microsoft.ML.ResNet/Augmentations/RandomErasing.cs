using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Overwrites a random rectangle of an image (Zhong et al. 2017, "Random Erasing Data Augmentation") with torchvision's sizes.</summary>
internal static class RandomErasing
{
    /// <summary>The share of the area that is erased: 0.02 to 0.33 (torchvision's default).</summary>
    public const double MinimumScale = 0.02, MaximumScale = 0.33;

    /// <summary>The ratio of height to width, drawn evenly in its logarithm (torchvision's default).</summary>
    public const double MinimumRatio = 0.3, MaximumRatio = 3.3;

    /// <summary>Draws before the image is left as it is (torchvision).</summary>
    private const int Attempts = 10;

    /// <summary>Erases a rectangle with the given probability.</summary>
    public static void Apply<T>(ref SplitMix64 random, double probability, ImageSpan<T> image, InputFormat format)
        where T : unmanaged
    {
        if (random.NextDouble() < probability && TryChoose(ref random, image.Width, image.Height, out CropBox box))
        {
            Erase(image, box, format);
        }
    }

    /// <summary>Draws a rectangle; it is smaller than the image in both directions.</summary>
    public static bool TryChoose(ref SplitMix64 random, int imageWidth, int imageHeight, out CropBox box)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = (double)imageWidth * imageHeight * random.NextDouble(MinimumScale, MaximumScale);
            double ratio = Math.Exp(random.NextDouble(Math.Log(MinimumRatio), Math.Log(MaximumRatio)));
            int width = (int)Math.Round(Math.Sqrt(area / ratio)), height = (int)Math.Round(Math.Sqrt(area * ratio));
            if (width > 0 && width < imageWidth && height > 0 && height < imageHeight)
            {
                box = new CropBox(random.Next(imageWidth - width + 1), random.Next(imageHeight - height + 1), width, height);
                return true;
            }
        }

        box = default;
        return false;
    }

    /// <summary>Fills a rectangle with the values that normalise to 0, or for uint8 to what is nearest to it.</summary>
    public static void Erase<T>(ImageSpan<T> image, in CropBox box, InputFormat format)
        where T : unmanaged
    {
        int channels = image.Channels, start = box.Left * channels, length = box.Width * channels;
        Span<T> first = image.Row(box.Top).Slice(start, length);
        for (int channel = 0; channel < channels; channel++)
        {
            float mean = -format.Offset[channel] / format.Scale[channel];
            T value = PixelValue.Round<T>(typeof(T) == typeof(byte) ? Math.Clamp(mean, 0, 255) : mean);
            for (int i = channel; i < length; i += channels)
            {
                first[i] = value;
            }
        }

        for (int y = 1; y < box.Height; y++)
        {
            first.CopyTo(image.Row(box.Top + y)[start..]);
        }
    }
}
