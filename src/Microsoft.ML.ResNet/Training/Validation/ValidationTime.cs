namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// How long a validation takes: a fixed part, in which the network is laid out to score, and a part for each image. It is known before the
/// first validation begins, from two small samples.
/// </summary>
internal sealed class ValidationTime
{
    /// <summary>The share of the time left that one validation may take.</summary>
    private const double Share = 0.25;

    private readonly TimeSpan _fixed;
    private readonly double _secondsPerImage;

    /// <param name="one">The time that one image took.</param>
    /// <param name="several">The time that <paramref name="count"/> images took, more than one.</param>
    public ValidationTime(TimeSpan one, TimeSpan several, int count)
    {
        // The first sample also pays for what happens once in a process, so that the second may be the shorter one.
        _fixed = one < several ? one : several;
        _secondsPerImage = Math.Max((several - one).TotalSeconds / (count - 1), several.TotalSeconds / count / 2);
    }

    /// <summary>The time that a validation on so many images will take.</summary>
    public TimeSpan Of(int count) => _fixed + TimeSpan.FromSeconds(_secondsPerImage * count);

    /// <summary>The images of <paramref name="total"/> that a validation may have in the time left, one at least.</summary>
    public int Count(int total, TimeSpan left)
        => (int)Math.Clamp(((left * Share) - _fixed).TotalSeconds / Math.Max(_secondsPerImage, 1e-9), 1, total);
}
