using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// One operation an image, of a random strength: Müller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data
/// Augmentation", the wide space, with torchvision's magnitudes. Geometric operations are bilinear and fill with black. An operation on
/// colours leaves an image alone whose black and white are not known.
/// </summary>
internal static class TrivialAugmentWide
{
    /// <summary>Strengths are 0 to 30 (the paper, section 3; torchvision's num_magnitude_bins).</summary>
    public const int Bins = 31;

    /// <summary>The strongest of each (the paper, table 7, "wide"; torchvision's _augmentation_space).</summary>
    private const double MaximumShear = 0.99, MaximumTranslation = 32, MaximumDegrees = 135, MaximumEnhancement = 0.99;

    /// <summary>The bits that the strongest Posterize removes: two are left.</summary>
    private const double MaximumBits = 6;

    private static readonly int OperationCount = Enum.GetValues<TrivialAugmentOperation>().Length;

    /// <summary>Draws an operation, its strength and its direction, and does it.</summary>
    public static void Apply<T>(ref SplitMix64 random, ImageSpan<T> image, AugmentationScratch scratch)
        where T : unmanaged
    {
        var operation = (TrivialAugmentOperation)random.Next(OperationCount);
        int bin = random.Next(Bins);
        Apply(operation, bin, random.NextBoolean(), image, scratch);
    }

    /// <summary>Does one operation.</summary>
    /// <param name="bin">0 to 30.</param>
    /// <param name="negative">The direction, for an operation that has two.</param>
    public static void Apply<T>(TrivialAugmentOperation operation, int bin, bool negative, ImageSpan<T> image, AugmentationScratch scratch)
        where T : unmanaged
    {
        double strength = bin / (Bins - 1.0), signed = negative ? -strength : strength;
        float factor = (float)(1 + (signed * MaximumEnhancement));
        bool knowsColors = image.White > 0;
        switch (operation)
        {
            case TrivialAugmentOperation.ShearX:
                AffineWarp.Shear(signed * MaximumShear, 0).Apply(image, scratch);
                break;
            case TrivialAugmentOperation.ShearY:
                AffineWarp.Shear(0, signed * MaximumShear).Apply(image, scratch);
                break;
            case TrivialAugmentOperation.TranslateX:
                AffineWarp.Translation(Pixels(signed, image.Width), 0).Apply(image, scratch);
                break;
            case TrivialAugmentOperation.TranslateY:
                AffineWarp.Translation(0, Pixels(signed, image.Height)).Apply(image, scratch);
                break;
            case TrivialAugmentOperation.Rotate:
                AffineWarp.Rotation(signed * MaximumDegrees, image.Width, image.Height).Apply(image, scratch);
                break;
            case TrivialAugmentOperation.Brightness when knowsColors:
                ToneCurve.Brightness(image, factor);
                break;
            case TrivialAugmentOperation.Color when knowsColors:
                Saturation.Apply(image, factor);
                break;
            case TrivialAugmentOperation.Contrast when knowsColors:
                ToneCurve.Contrast(image, factor);
                break;
            case TrivialAugmentOperation.Sharpness when knowsColors:
                Sharpness.Apply(image, factor, scratch);
                break;
            case TrivialAugmentOperation.Posterize when knowsColors:
                ToneCurve.Posterize(image, 8 - (int)Math.Round(strength * MaximumBits));
                break;
            case TrivialAugmentOperation.Solarize when knowsColors:
                ToneCurve.Solarize(image, 255 * (1 - strength));
                break;
            case TrivialAugmentOperation.AutoContrast when knowsColors:
                ToneCurve.AutoContrast(image);
                break;
            case TrivialAugmentOperation.Equalize when knowsColors:
                ToneCurve.Equalize(image);
                break;
        }
    }

    /// <summary>Whole pixels, as in torchvision; no more than the image's side, where that is below 32, lest most strengths leave nothing of it.</summary>
    private static int Pixels(double signed, int side) => (int)(signed * Math.Min(MaximumTranslation, side));
}
