namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Coefficients of an antialiased bilinear resize along one axis: a triangle whose half width is one pixel of the target, or of the
/// original where that is larger. The rules are Pillow's (src/libImaging/Resample.c, precompute_coeffs and normalize_coeffs_8bpc).
/// </summary>
/// <remarks>
/// Where the buffer is a smaller copy of the original, the filter is still that of the original: each of its taps is shared among the
/// buffer's pixels that would interpolate the missing pixel. A triangle laid over the smaller pixels directly is too coarse: its
/// centre of gravity moves from pixel to pixel.
/// </remarks>
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
        Starts = new int[axis.TargetLength];
        Taps = new int[axis.TargetLength];
        double[][] weights = new double[axis.TargetLength][];
        for (int i = 0; i < axis.TargetLength; i++)
        {
            int target = axis.Mirror ? axis.TargetLength - 1 - i : i;
            (int first, double[] original) = Weigh(axis, i);
            (Starts[target], weights[target]) = axis.Scale == 1
                ? Cut(axis, first + (int)axis.Offset, original)
                : Share(axis, first, original);
            Taps[target] = weights[target].Length;
            End = Math.Max(End, Starts[target] + Taps[target]);
        }

        First = Starts.Min();
        LastStart = Starts.Max();
        Groups = (Taps.Max() + GroupTaps - 1) / GroupTaps;
        Coefficients = new short[checked(axis.TargetLength * Groups * GroupShorts)];
        for (int target = 0; target < weights.Length; target++)
        {
            Store(target, weights[target]);
        }
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

    /// <summary>The filter over the original's pixels.</summary>
    private static (int First, double[] Weights) Weigh(in ResampleAxis axis, int i)
    {
        double scale = axis.Length / axis.TargetLength;
        double support = Math.Max(scale, 1);
        double centre = axis.Start + ((i + 0.5) * scale);
        int first = Math.Clamp((int)(centre - support + 0.5), 0, axis.OriginalLength - 1);
        int end = Math.Clamp((int)(centre + support + 0.5), first + 1, axis.OriginalLength);
        double[] weights = new double[end - first];
        double sum = 0;
        for (int tap = 0; tap < weights.Length; tap++)
        {
            weights[tap] = Math.Max(0, 1 - Math.Abs((tap + first - centre + 0.5) / support));
            sum += weights[tap];
        }

        if (sum == 0)
        {
            // A box beside the image: its edge is repeated.
            return (first, [1]);
        }

        for (int tap = 0; tap < weights.Length; tap++)
        {
            weights[tap] /= sum;
        }

        return (first, weights);
    }

    /// <summary>Repeats the buffer's edge where the filter reaches beyond it.</summary>
    private static (int First, double[] Weights) Cut(in ResampleAxis axis, int first, double[] weights)
    {
        if (first >= 0 && first + weights.Length <= axis.BufferLength)
        {
            return (first, weights);
        }

        int start = Math.Clamp(first, 0, axis.BufferLength - 1);
        double[] cut = new double[Math.Clamp(first + weights.Length, start + 1, axis.BufferLength) - start];
        for (int tap = 0; tap < weights.Length; tap++)
        {
            cut[Math.Clamp(first + tap - start, 0, cut.Length - 1)] += weights[tap];
        }

        return (start, cut);
    }

    /// <summary>Gives the weight of each original pixel to the buffer's pixels that interpolate it (cubic, Catmull-Rom).</summary>
    private static (int First, double[] Weights) Share(in ResampleAxis axis, int first, double[] weights)
    {
        int start = (int)Math.Floor(Position(axis, first)) - 1;
        int end = (int)Math.Floor(Position(axis, first + weights.Length - 1)) + 3;
        double[] shared = new double[end - start];
        for (int tap = 0; tap < weights.Length; tap++)
        {
            double position = Position(axis, first + tap);
            int index = (int)Math.Floor(position);
            double t = position - index;
            Span<double> into = shared.AsSpan(index - 1 - start, 4);
            into[0] += weights[tap] * t * ((-0.5) + (t * (1 - (0.5 * t))));
            into[1] += weights[tap] * (1 + (t * t * ((1.5 * t) - 2.5)));
            into[2] += weights[tap] * t * (0.5 + (t * (2 - (1.5 * t))));
            into[3] += weights[tap] * t * t * ((0.5 * t) - 0.5);
        }

        return Cut(axis, start, shared);
    }

    // Where the centre of an original pixel lies among the centres of the buffer's pixels.
    private static double Position(in ResampleAxis axis, int pixel) => ((pixel + 0.5) * axis.Scale) + axis.Offset - 0.5;

    private void Store(int target, double[] weights)
    {
        for (int tap = 0; tap < weights.Length; tap++)
        {
            // Rounded half away from zero, as Pillow.
            int coefficient = (int)((weights[tap] * (1 << PrecisionBits)) + (weights[tap] < 0 ? -0.5 : 0.5));
            int index = (((target * Groups) + (tap / GroupTaps)) * GroupShorts) + (tap % GroupTaps);
            Coefficients[index] = (short)(coefficient >> LowBits);
            Coefficients[index + GroupTaps] = (short)(coefficient & ((1 << LowBits) - 1));
        }
    }
}
