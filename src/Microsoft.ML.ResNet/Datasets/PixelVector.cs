using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Pixels as a column of vectors holds them.</summary>
internal static class PixelVector
{
    /// <summary>Copies the values of a vector, dense or sparse.</summary>
    /// <exception cref="InvalidDataException">The vector has another length, as a missing image gives.</exception>
    public static void CopyTo(in VBuffer<float> values, Span<float> destination, string column, long row)
    {
        if (values.Length != destination.Length)
        {
            throw new InvalidDataException($"Row {row} has {values.Length} pixel values in column '{column}', expected {destination.Length}. Resize the image or remove the row.");
        }

        if (values.IsDense)
        {
            values.GetValues().CopyTo(destination);
            return;
        }

        destination.Clear();
        ReadOnlySpan<int> indices = values.GetIndices();
        ReadOnlySpan<float> present = values.GetValues();
        for (int i = 0; i < indices.Length; i++)
        {
            destination[indices[i]] = present[i];
        }
    }

    /// <summary>Checks that all values are finite and mean what they are said to mean, in training and in scoring.</summary>
    /// <exception cref="InvalidDataException">One isn't or doesn't.</exception>
    public static void CheckRange(ReadOnlySpan<float> values, PixelRange range, string column, long row)
    {
        const float tolerance = 1e-3f;
        float limit = range == PixelRange.ZeroToOne ? 1 : 255;
        (float lowest, float highest) = range == PixelRange.Normalized
            ? (float.MinValue, float.MaxValue)
            : (-tolerance * limit, limit * (1 + tolerance));

        // NaN spreads to the extremes, and is in no range.
        float minimum = TensorPrimitives.Min(values), maximum = TensorPrimitives.Max(values);
        if (minimum >= lowest && maximum <= highest)
        {
            return;
        }

        float worst = minimum >= lowest ? maximum : minimum;
        string found = string.Create(CultureInfo.InvariantCulture, $"Row {row} has the pixel value {worst} in column '{column}'");
        throw new InvalidDataException(
            float.IsFinite(worst)
                ? $"{found}, expected 0 to {limit.ToString(CultureInfo.InvariantCulture)}, as PixelRange {range} says or as the first training rows are. Set PixelRange to what the values mean."
                : $"{found}, expected a finite number. Correct the row or remove it.");
    }
}
