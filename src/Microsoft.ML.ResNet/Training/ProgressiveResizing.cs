using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Trains on smaller images first, which costs less, and on whole ones last (Howard 2018, in Coleman et al. 2019, "Analysis of
/// DAWNBench"; Tan and Le 2021, section 4): the scale grows linearly, in eighths, and is whole from <paramref name="GrowthShare"/> on.
/// </summary>
/// <param name="InitialScale">The scale of width and height at the beginning; 1 turns it off.</param>
/// <param name="GrowthShare">The share of the training after which images are whole.</param>
internal sealed record ProgressiveResizing(double InitialScale, double GrowthShare)
{
    private const int Fractions = 8;

    /// <summary>The share of a step's cost that doesn't depend on the size of the images: measured with ResNet-20 on 32 and 16 pixels.</summary>
    private const double FixedCost = 0.2;

    /// <summary>The scale of width and height at a share of the training.</summary>
    public double ScaleAt(double share)
    {
        if (share >= GrowthShare)
        {
            return 1;
        }

        double scale = InitialScale + ((1 - InitialScale) * share / GrowthShare);
        return Math.Clamp(Math.Floor(scale * Fractions) / Fractions, Math.Min(InitialScale, 1), 1);
    }

    /// <summary>The cost of a step at a share of the training, relative to one on whole images.</summary>
    public double CostAt(double share) => FixedCost + ((1 - FixedCost) * ScaleAt(share) * ScaleAt(share));

    /// <summary>Scales images down by averaging areas.</summary>
    /// <param name="images">[N,C,H,W] float32.</param>
    /// <returns>The images themselves where the scale is 1.</returns>
    public Tensor Apply(Tensor images, double share)
    {
        double scale = ScaleAt(share);
        return scale >= 1
            ? images
            : nn.functional.interpolate(images, [Scaled(images.shape[2], scale), Scaled(images.shape[3], scale)], mode: InterpolationMode.Area);
    }

    private static long Scaled(long side, double scale) => Math.Max(1, (long)Math.Round(side * scale));
}
