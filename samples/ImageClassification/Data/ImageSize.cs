using Microsoft.ML.ResNet;
using SkiaSharp;

namespace ImageClassification.Data;

/// <summary>Chooses the network's input size, and the network, by the images.</summary>
internal static class ImageSize
{
    private const int Sampled = 64, Smallest = 8, Largest = 224, LargestForSmallNetwork = 64, PretrainedForSmallImages = 96;

    /// <summary>The median short side of the first images in pixels, at most 224: ResNet's usual size. The trainer's own default is the same.</summary>
    public static int Choose(IReadOnlyList<LabeledImage> images)
    {
        int[] sides = [.. images.Select(image => ShortSide(image.ImagePath)).OfType<int>().Take(Sampled).Order()];
        return sides.Length == 0 ? Largest : Math.Clamp(sides[sides.Length / 2], Smallest, Largest);
    }

    /// <summary>
    /// The size that the weights were made with, which is 224, and less for small images: those of CIFAR-10 show no more there than at 96, where
    /// a step takes a fifth of the time.
    /// </summary>
    public static int ChooseFor(ResNetWeights weights, IReadOnlyList<LabeledImage> images)
        => IsSmall(Choose(images)) ? PretrainedForSmallImages : weights.Preprocessing?.Width ?? Largest;

    /// <summary>Whether images of this size are ones for the small networks that He et al. made for CIFAR-10's 32x32 pixels.</summary>
    public static bool IsSmall(int size) => size <= LargestForSmallNetwork;

    /// <summary>Null where the file is no image; the trainer says so when it comes to it.</summary>
    private static int? ShortSide(string path)
    {
        using var codec = SKCodec.Create(path);
        return codec is null ? null : Math.Min(codec.Info.Width, codec.Info.Height);
    }
}
