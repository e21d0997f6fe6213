using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Cuts the network's input out of a cached image: at random for training, the centre for evaluation.</summary>
/// <param name="CropPadding">The border that a random crop may reach into, where the image is no larger than the input.</param>
/// <param name="HorizontalFlip">Whether half of the images are mirrored.</param>
internal sealed record Augmentation(int CropPadding, bool HorizontalFlip)
{
    /// <summary>Random crop and flip; every draw depends on the seed, the epoch and the row alone.</summary>
    public void CropAtRandom(CachedImage image, InputFormat format, int pixelSize, SplitMix64 random, Span<byte> destination)
    {
        int left = Offset(ref random, image.Width, format.Width);
        int top = Offset(ref random, image.Height, format.Height);
        bool mirror = HorizontalFlip && random.NextBoolean();
        CropWindow.Copy(image, pixelSize, left, top, destination, format.Width, format.Height);
        if (mirror)
        {
            // Bytes as channels: a pixel is kept whole whatever its type.
            Flip.Horizontally(new ImageSpan<byte>(destination, format.Width, format.Height, pixelSize, white: 0));
        }
    }

    /// <summary>The centre, as scoring cuts it.</summary>
    public static void CropCentre(CachedImage image, InputFormat format, int pixelSize, Span<byte> destination)
        => CropWindow.Copy(
            image, pixelSize, CentreOffset(image.Width, format.Width), CentreOffset(image.Height, format.Height), destination, format.Width, format.Height);

    private int Offset(ref SplitMix64 random, int size, int crop)
    {
        int border = size > crop ? 0 : CropPadding;
        int first = Math.Min(-border, size - crop), last = Math.Max(size - crop + border, 0);
        return first + random.Next(last - first + 1);
    }

    // torchvision's CenterCrop rounds halves to even.
    private static int CentreOffset(int size, int crop) => (int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven);
}
