using SkiaSharp;

namespace ImageClassification;

/// <summary>Chooses the network's input size, and the network, by the images.</summary>
internal static class ImageSize
{
    private const int Sampled = 64, Smallest = 8, Largest = 224, LargestForSmallNetwork = 64;

    /// <summary>The median short side of the first images in pixels, at most 224: ResNet's usual size. The trainer's own default is the same.</summary>
    public static int Choose(IReadOnlyList<LabeledImage> images)
    {
        int[] sides = [.. images.Select(image => ShortSide(image.ImagePath)).OfType<int>().Take(Sampled).Order()];
        return sides.Length == 0 ? Largest : Math.Clamp(sides[sides.Length / 2], Smallest, Largest);
    }

    /// <summary>Whether images of this size are ones for the small networks that He et al. made for CIFAR-10's 32x32 pixels.</summary>
    public static bool IsSmall(int size) => size <= LargestForSmallNetwork;

    /// <summary>Null where the file is no image; the trainer says so when it comes to it.</summary>
    private static int? ShortSide(string path)
    {
        using var codec = SKCodec.Create(path);
        return codec is null ? null : Math.Min(codec.Info.Width, codec.Info.Height);
    }
}
