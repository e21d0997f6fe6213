using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Getters of image columns whose errors name the row and the column.</summary>
internal static class FeatureGetter
{
    /// <summary>The getter of a column. What the transforms before it throw becomes the error of a bad image.</summary>
    /// <param name="row">The number of the current row.</param>
    public static ValueGetter<T> Of<T>(DataViewRow values, DataViewSchema.Column column, Func<long> row)
    {
        ValueGetter<T> getter = values.GetGetter<T>(column);
        return (ref T value) =>
        {
            try
            {
                getter(ref value);
            }
            catch (Exception exception) when (IsOfTheRow(exception))
            {
                throw Unreadable(column.Name, row(), exception);
            }
        };
    }

    /// <summary>The pixels of a row's image.</summary>
    /// <exception cref="InvalidDataException">There is no image, or it has been disposed.</exception>
    public static PixelImage Pixels(MLImage? image, string column, long row)
    {
        if (image is null)
        {
            throw new InvalidDataException($"Row {row} has no image, expected an MLImage.");
        }

        try
        {
            return PixelImage.FromMLImage(image);
        }
        catch (InvalidOperationException exception)
        {
            throw Unreadable(column, row, exception);
        }
    }

    /// <summary>ML.NET's transforms throw many things at an image that they can't make. What names a file already stays as it is.</summary>
    public static bool IsOfTheRow(Exception exception)
        => exception is not (OperationCanceledException or OutOfMemoryException or ObjectDisposedException) && !BadImageLog.IsBadImage(exception);

    private static InvalidDataException Unreadable(string column, long row, Exception exception) => new(
        $"Column '{column}' can't be computed in row {row}: {exception.Message.TrimEnd('.')}. The image of that row is missing, damaged or disposed of, which LoadImages and ResizeImages don't report. "
        + "Remove the row, or leave these transforms out and set FeatureColumnName to the column of the image paths: errors then name the file, and BadImages = Skip leaves it out.",
        exception);
}
