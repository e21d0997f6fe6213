namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Coefficients of an antialiased bilinear resize along one axis: a triangle whose half width is one pixel of the target, or of the
/// source where that is larger. The rules are Pillow's (src/libImaging/Resample.c, precompute_coeffs and normalize_coeffs_8bpc).
/// </summary>
internal sealed class ResampleTable
{
    /// <summary>Fraction bits of a coefficient: Pillow's PRECISION_BITS, 32 - 8 - 2.</summary>
    public const int PrecisionBits = 22;

    /// <summary>A coefficient is stored as high * 2^LowBits + low, so that both halves fit the 16-bit multiply-add instruction.</summary>
    public const int LowBits = 11;

    /// <summary>Coefficients are stored in groups of four taps: high halves of the four, then low halves.</summary>
    public const int GroupTaps = 4;

    private const int GroupShorts = 2 * GroupTaps;

    /// <summary>Computes the coefficients of one axis.</summary>
    public ResampleTable(in ResampleAxis axis)
    {
        double scale = axis.Length / axis.TargetLength;
        double support = Math.Max(scale, 1);
        Starts = new int[axis.TargetLength];
        Taps = new int[axis.TargetLength];
        for (int i = 0; i < axis.TargetLength; i++)
        {
            double centre = Centre(axis, scale, i);
            int first = Math.Clamp((int)(centre - support + 0.5), 0, axis.SourceLength - 1);
            Starts[i] = first;
            Taps[i] = Math.Clamp((int)(centre + support + 0.5), first + 1, axis.SourceLength) - first;
            End = Math.Max(End, first + Taps[i]);
        }

        Groups = (Taps.Max() + GroupTaps - 1) / GroupTaps;
        Coefficients = new short[checked(axis.TargetLength * Groups * GroupShorts)];
        double[] weights = new double[Groups * GroupTaps];
        for (int i = 0; i < axis.TargetLength; i++)
        {
            Fill(i, weights.AsSpan(0, Taps[i]), Starts[i] - Centre(axis, scale, i) + 0.5, support);
        }

        First = Starts.Min();
        LastStart = Starts.Max();
    }

    /// <summary>Groups of four taps for each pixel of the target. Taps that a pixel does not have are zero.</summary>
    public int Groups { get; }

    /// <summary>First source pixel of each target pixel.</summary>
    public int[] Starts { get; }

    /// <summary>Number of source pixels of each target pixel.</summary>
    public int[] Taps { get; }

    /// <summary>[target, groups, 2, 4]: high and low halves.</summary>
    public short[] Coefficients { get; }

    /// <summary>First source pixel that any target pixel needs.</summary>
    public int First { get; }

    /// <summary>Largest of <see cref="Starts"/>.</summary>
    public int LastStart { get; }

    /// <summary>One past the last source pixel that any target pixel needs.</summary>
    public int End { get; }

    public int Coefficient(int target, int tap)
    {
        int index = (((target * Groups) + (tap / GroupTaps)) * GroupShorts) + (tap % GroupTaps);
        return (Coefficients[index] << LowBits) + Coefficients[index + GroupTaps];
    }

    private static double Centre(in ResampleAxis axis, double scale, int target) =>
        axis.Start + (((axis.Mirror ? axis.TargetLength - 1 - target : target) + 0.5) * scale);

    private void Fill(int target, Span<double> weights, double offset, double support)
    {
        double sum = 0;
        for (int tap = 0; tap < weights.Length; tap++)
        {
            weights[tap] = Math.Max(0, 1 - Math.Abs((tap + offset) / support));
            sum += weights[tap];
        }

        for (int tap = 0; tap < weights.Length; tap++)
        {
            // A sum of zero: a box beside the image; then its edge pixel is repeated.
            double weight = sum > 0 ? weights[tap] / sum : tap == 0 ? 1 : 0;
            int coefficient = (int)(0.5 + (weight * (1 << PrecisionBits)));
            int index = (((target * Groups) + (tap / GroupTaps)) * GroupShorts) + (tap % GroupTaps);
            Coefficients[index] = (short)(coefficient >> LowBits);
            Coefficients[index + GroupTaps] = (short)(coefficient & ((1 << LowBits) - 1));
        }
    }
}
