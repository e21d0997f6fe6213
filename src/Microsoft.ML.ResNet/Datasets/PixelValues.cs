using System.Globalization;
using System.Numerics.Tensors;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>What the values of pixel vectors mean, to tell those that mean something else.</summary>
/// <param name="Range">Their range.</param>
internal sealed record PixelValues(PixelRange Range)
{
    /// <summary>By how much a value may be outside, relative to the range: rounding.</summary>
    public const float Tolerance = 1e-3f;

    /// <summary>How many times the range of the training values others may lie beyond it, where it is not known what black and white are.</summary>
    private const float MostBeyond = 4;

    /// <summary>Normalised values only: the lowest and the highest of the training data; null where there were none.</summary>
    public (float Lowest, float Highest)? Trained { get; init; }

    /// <summary>Checks that all values are finite and mean what they are said to mean, in training and in scoring.</summary>
    /// <returns>The lowest and the highest.</returns>
    /// <exception cref="InvalidDataException">One isn't or doesn't.</exception>
    public (float Lowest, float Highest) Check(ReadOnlySpan<float> values, string column, long row)
    {
        (float lowest, float highest) = Limits();

        // NaN spreads to the extremes, and is in no range.
        float minimum = TensorPrimitives.Min(values), maximum = TensorPrimitives.Max(values);
        if (minimum >= lowest && maximum <= highest)
        {
            return (minimum, maximum);
        }

        float worst = minimum >= lowest ? maximum : minimum;
        string found = string.Create(CultureInfo.InvariantCulture, $"Row {row} has the pixel value {worst} in column '{column}'");
        throw new InvalidDataException(
            !float.IsFinite(worst) ? $"{found}, expected a finite number. Correct the row or remove it."
            : Trained is { } trained ? string.Create(
                CultureInfo.InvariantCulture,
                $"{found}, but the values of the training data, which were normalised, were {trained.Lowest:G4} to {trained.Highest:G4}. Normalise the pixels as the training data's were, for instance with the same NormalizePixels.")
            : $"{found}, expected 0 to {(Range == PixelRange.ZeroToOne ? 1 : 255)}, as PixelRange {Range} says or as the first training rows are. Set PixelRange to what the values mean.");
    }

    private (float Lowest, float Highest) Limits()
    {
        if (Range == PixelRange.Normalized)
        {
            float beyond = Trained is { } extremes ? MostBeyond * Math.Max(1, extremes.Highest - extremes.Lowest) : 0;
            return Trained is { } trained ? (trained.Lowest - beyond, trained.Highest + beyond) : (float.MinValue, float.MaxValue);
        }

        float limit = Range == PixelRange.ZeroToOne ? 1 : 255;
        return (-Tolerance * limit, limit * (1 + Tolerance));
    }
}
