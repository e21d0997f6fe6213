using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// Cursors that compute a row when it is asked for. ML.NET's <c>GetRowCursor</c> may compute rows ahead on several threads, and a row that
/// one of them fails at ends the whole reading without its number.
/// </summary>
internal static class SequentialCursor
{
    public static DataViewRowCursor Open(IDataView data, IEnumerable<DataViewSchema.Column> columns, Random? rand = null)
    {
        DataViewRowCursor[] cursors = data.GetRowCursorSet(columns, 1, rand);
        if (cursors.Length == 1)
        {
            return cursors[0];
        }

        Array.ForEach(cursors, cursor => cursor.Dispose());
        return data.GetRowCursor(columns, rand);
    }

    /// <summary>Looks for the row whose image can't be computed, after a reading that didn't name it.</summary>
    /// <exception cref="InvalidDataException">It is found.</exception>
    public static void FindFault(IDataView data, DataViewSchema.Column image, Action checkCancelled)
    {
        using DataViewRowCursor cursor = Open(data, [image]);
        int row = -1;
        Action read = Reader(cursor, image, () => row);
        while (cursor.MoveNext())
        {
            if (++row % 256 == 0)
            {
                checkCancelled();
            }

            read();
        }
    }

    private static Action Reader(DataViewRow values, DataViewSchema.Column image, Func<long> row)
    {
        Type type = image.Type.RawType;
        return type == typeof(VBuffer<float>) ? Of<VBuffer<float>>()
            : type == typeof(VBuffer<byte>) ? Of<VBuffer<byte>>()
            : type == typeof(MLImage) ? Of<MLImage>()
            : () => { };

        Action Of<T>()
        {
            ValueGetter<T> getter = FeatureGetter.Of<T>(values, image, row);
            T value = default!;
            return () => getter(ref value);
        }
    }
}
