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
}
