namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// The coefficients of an antialiased bilinear resize along one axis: a triangle whose half width is one pixel of the target, or of the
/// source where that is larger. The rules are Pillow's (src/libImaging/Resample.c, precompute_coeffs). Unlike the tables of
/// <c>ImageResizer</c> they are computed for every crop, in reused memory.
/// </summary>
internal sealed class ResizeWeights
{
    private int[] _starts = [];
    private int[] _taps = [];
    private float[] _weights = [];
    private int _stride;

    /// <summary>Computes the coefficients.</summary>
    public void Compute(int sourceLength, int targetLength)
    {
        double scale = (double)sourceLength / targetLength, support = Math.Max(1, scale);
        _stride = ((int)Math.Ceiling(support) * 2) + 1;
        Reserve(targetLength);
        for (int i = 0; i < targetLength; i++)
        {
            double centre = (i + 0.5) * scale;
            int first = Math.Max(0, (int)(centre - support + 0.5)), end = Math.Min(sourceLength, (int)(centre + support + 0.5));
            Span<float> weights = _weights.AsSpan(i * _stride, end - first);
            double sum = 0;
            for (int tap = 0; tap < weights.Length; tap++)
            {
                double weight = Math.Max(0, 1 - (Math.Abs(first + tap - centre + 0.5) / support));
                weights[tap] = (float)weight;
                sum += weight;
            }

            foreach (ref float weight in weights)
            {
                weight = (float)(weight / sum);
            }

            _starts[i] = first;
            _taps[i] = weights.Length;
        }
    }

    /// <summary>The first source pixel of a target pixel.</summary>
    public int Start(int target) => _starts[target];

    /// <summary>The coefficients of the source pixels from there; they add up to 1.</summary>
    public ReadOnlySpan<float> Weights(int target) => _weights.AsSpan(target * _stride, _taps[target]);

    private void Reserve(int targetLength)
    {
        if (_starts.Length < targetLength)
        {
            _starts = new int[targetLength];
            _taps = new int[targetLength];
        }

        if (_weights.Length < targetLength * _stride)
        {
            _weights = new float[targetLength * _stride];
        }
    }
}
