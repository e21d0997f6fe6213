using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Cuts the network's input out of a cached image and varies it at random for training. By default everything is off: the centre, as
/// for evaluation. Every draw depends on the seed, the epoch and the row alone.
/// </summary>
internal sealed record Augmentation
{
    /// <summary>Whether the position of the crop is random. Not used where <see cref="ResizedCropScale"/> is set.</summary>
    public bool RandomCrop { get; init; }

    /// <summary>The border in pixels that a random crop may reach into, where the image is no larger than the input.</summary>
    public int CropPadding { get; init; }

    /// <summary>What the border shows.</summary>
    public CropBorder CropBorder { get; init; }

    /// <summary>The smallest share of an image's area that a random resized crop takes, above 0; 0: no resized crop.</summary>
    public double ResizedCropScale { get; init; }

    /// <summary>Whether half of the images are mirrored left to right.</summary>
    public bool HorizontalFlip { get; init; }

    /// <summary>Whether half of the images are mirrored top to bottom.</summary>
    public bool VerticalFlip { get; init; }

    /// <summary>Random brightness, contrast, saturation and hue, or null.</summary>
    public ColorJitter? ColorJitter { get; init; }

    /// <summary>Whether each image undergoes one operation of <see cref="TrivialAugmentWide"/>.</summary>
    public bool TrivialAugment { get; init; }

    /// <summary>The probability that a rectangle of an image is erased.</summary>
    public double ErasingProbability { get; init; }

    /// <summary>The Beta distribution's parameter from which MixUp draws; 0: off. Done by <see cref="BatchMixer"/>.</summary>
    public double MixUpAlpha { get; init; }

    /// <summary>The Beta distribution's parameter from which CutMix draws; 0: off. Done by <see cref="BatchMixer"/>; with MixUp too, each row takes one by a coin.</summary>
    public double CutMixAlpha { get; init; }

    /// <summary>The probability that an image is mixed, where MixUp or CutMix is on.</summary>
    public double MixProbability { get; init; } = 1;

    /// <summary>The epochs from which on images are mixed: where the time limit leaves a training fewer, they are not. 0: always.</summary>
    public int FewestEpochsToMix { get; init; }

    /// <summary>Whether batches go through a <see cref="BatchMixer"/>.</summary>
    public bool MixesBatches => MixProbability > 0 && (MixUpAlpha > 0 || CutMixAlpha > 0);

    /// <summary>The same where no images are mixed.</summary>
    public Augmentation WithoutMixing()
    {
        var none = new Augmentation();
        return this with { MixUpAlpha = none.MixUpAlpha, CutMixAlpha = none.CutMixAlpha, MixProbability = none.MixProbability, FewestEpochsToMix = none.FewestEpochsToMix };
    }

    /// <summary>Whether there are operations on colours that are left out, because in this format black and white are not known.</summary>
    public bool LeavesOutColors(InputFormat format) => (ColorJitter is not null || TrivialAugment) && format.White is null;

    /// <summary>Makes the network's input of an image.</summary>
    /// <param name="destination">[height, width, channels] of the format.</param>
    /// <param name="scratch">For one thread at a time.</param>
    public void Apply(CachedImage image, InputFormat format, RowDraws draws, Span<byte> destination, AugmentationScratch scratch)
    {
        if (format.IsFloat)
        {
            Apply(image, format, draws, MemoryMarshal.Cast<byte, float>(destination), scratch);
        }
        else
        {
            Apply<byte>(image, format, draws, destination, scratch);
        }
    }

    /// <summary>The centre, as scoring cuts it.</summary>
    public static void CropCentre(CachedImage image, InputFormat format, int pixelSize, Span<byte> destination)
        => CropWindow.Copy(
            image, pixelSize, CentreOffset(image.Width, format.Width), CentreOffset(image.Height, format.Height), destination, format.Width, format.Height);

    /// <summary>Cuts a part out of an image that was resized for training.</summary>
    public static void Crop(CachedImage image, InputFormat format, int pixelSize, Span<byte> destination, CropPosition crop)
    {
        if (crop == CropPosition.Center)
        {
            CropCentre(image, format, pixelSize, destination);
            return;
        }

        var (left, top) = ImageGeometry.CropOffset(crop, image.Width, image.Height, format.Width, format.Height);
        CropWindow.Copy(image, pixelSize, (int)left, (int)top, destination, format.Width, format.Height);
    }

    private void Apply<T>(CachedImage image, InputFormat format, RowDraws draws, Span<T> destination, AugmentationScratch scratch)
        where T : unmanaged
    {
        var target = new ImageSpan<T>(destination, format.Width, format.Height, format.Channels, format.White ?? 0);
        Crop(image, format, draws, target, scratch);
        if (HorizontalFlip && draws.For(RandomStream.HorizontalFlip).NextBoolean())
        {
            Flip.Horizontally(target);
        }

        if (VerticalFlip && draws.For(RandomStream.VerticalFlip).NextBoolean())
        {
            Flip.Vertically(target);
        }

        if (ColorJitter is not null && format.White is not null)
        {
            SplitMix64 random = draws.For(RandomStream.ColorJitter);
            ColorJitter.Apply(ref random, target);
        }

        if (TrivialAugment)
        {
            SplitMix64 random = draws.For(RandomStream.TrivialAugment);
            TrivialAugmentWide.Apply(ref random, target, scratch);
        }

        if (ErasingProbability > 0)
        {
            SplitMix64 random = draws.For(RandomStream.Erasing);
            RandomErasing.Apply(ref random, ErasingProbability, target, format);
        }
    }

    private void Crop<T>(CachedImage image, InputFormat format, RowDraws draws, ImageSpan<T> target, AugmentationScratch scratch)
        where T : unmanaged
    {
        SplitMix64 random = draws.For(RandomStream.Crop);
        if (ResizedCropScale > 0)
        {
            CropBox box = RandomResizedCrop.Choose(ref random, image.Width, image.Height, ResizedCropScale);
            BoxResampler.Resize(MemoryMarshal.Cast<byte, T>(image.Pixels), image.Width, box, target, scratch);
            return;
        }

        int left = RandomCrop ? Offset(ref random, image.Width, format.Width) : CentreOffset(image.Width, format.Width);
        int top = RandomCrop ? Offset(ref random, image.Height, format.Height) : CentreOffset(image.Height, format.Height);
        CropBorder border = RandomCrop ? CropBorder : CropBorder.Black;
        CropWindow.Copy(image, format.Channels * format.ElementSize, left, top, MemoryMarshal.AsBytes(target.Values), format.Width, format.Height, border);
    }

    private int Offset(ref SplitMix64 random, int size, int crop)
    {
        int border = size > crop ? 0 : CropPadding;
        int first = Math.Min(-border, size - crop), last = Math.Max(size - crop + border, 0);
        return first + random.Next(last - first + 1);
    }

    // torchvision's CenterCrop rounds halves to even.
    private static int CentreOffset(int size, int crop) => (int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven);
}
