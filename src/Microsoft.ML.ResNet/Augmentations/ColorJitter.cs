using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Changes brightness, contrast, saturation and hue at random, with torchvision's ColorJitter's meaning of the numbers, always in this
/// order, where torchvision draws the order too.
/// </summary>
/// <param name="Brightness">The factor is drawn evenly from 1 - Brightness (0 at the least) to 1 + Brightness; 0: off. Likewise the next two.</param>
/// <param name="Hue">The turn of hues is drawn evenly from -Hue to Hue, as a share of the circle; 0: off. At most 0.5.</param>
internal sealed record ColorJitter(double Brightness, double Contrast, double Saturation, double Hue)
{
    /// <summary>Changes the image, whose black and white must be known.</summary>
    public void Apply<T>(ref SplitMix64 random, ImageSpan<T> image)
        where T : unmanaged
    {
        // All four are drawn in any case, so that turning one off leaves the others as they are.
        float brightness = Factor(ref random, Brightness), contrast = Factor(ref random, Contrast), saturation = Factor(ref random, Saturation);
        float turn = (float)random.NextDouble(-Hue, Hue);
        if (Brightness > 0)
        {
            ToneCurve.Brightness(image, brightness);
        }

        if (Contrast > 0)
        {
            ToneCurve.Contrast(image, contrast);
        }

        if (Saturation > 0)
        {
            Augmentations.Saturation.Apply(image, saturation);
        }

        if (Hue > 0)
        {
            Augmentations.Hue.Apply(image, turn);
        }
    }

    private static float Factor(ref SplitMix64 random, double strength) => (float)random.NextDouble(Math.Max(0, 1 - strength), 1 + strength);
}
