using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The labels of a data set: one class a row, or none.</summary>
internal sealed class LabelColumn
{
    /// <summary>Stands for a missing label.</summary>
    public const int Missing = -1;

    private LabelColumn(DataViewSchema.Column column, int classCount, int[] classes)
    {
        Column = column;
        ClassCount = classCount;
        Classes = classes;
        MissingCount = classes.Count(label => label == Missing);
    }

    public DataViewSchema.Column Column { get; }

    /// <summary>The number of keys.</summary>
    public int ClassCount { get; }

    /// <summary>The class of each row, counted from 0, or <see cref="Missing"/>.</summary>
    public int[] Classes { get; }

    public int MissingCount { get; }

    /// <summary>Reads the labels alone: no image is opened.</summary>
    /// <param name="role">Begins an error: "Label column", "Label column of the validation set".</param>
    /// <param name="checkCancelled">Called now and then; throws to stop.</param>
    /// <exception cref="ArgumentException">The column is missing or no key.</exception>
    /// <exception cref="InvalidOperationException">No row has a label.</exception>
    public static LabelColumn Read(IDataView data, string name, string role, Action checkCancelled)
    {
        DataViewSchema.Column column = data.Schema.GetColumnOrNull(name)
            ?? throw new ArgumentException(
                $"{role} '{name}' is missing. The data has the columns {string.Join(", ", data.Schema.Where(c => !c.IsHidden).Select(c => $"'{c.Name}'"))}.");
        if (column.Type is not KeyDataViewType key)
        {
            throw new ArgumentException($"{role} '{name}' has type {column.Type}, expected Key. Add Conversion.MapValueToKey(\"{name}\") before ResNet.");
        }

        if (key.Count > int.MaxValue)
        {
            throw new ArgumentException($"{role} '{name}' has {key.Count} classes, expected at most {int.MaxValue}.");
        }

        int[] classes = ReadClasses(data, column, key, checkCancelled);
        if (classes.Length == 0)
        {
            throw new InvalidOperationException($"{role} '{name}' has no rows: the data is empty. Check the path or the filter that the data comes from.");
        }

        var labels = new LabelColumn(column, (int)key.Count, classes);
        return labels.MissingCount < classes.Length
            ? labels
            : throw new InvalidOperationException(
                $"{role} '{name}' is missing in all {classes.Length} rows: no value of theirs has a key. Fit MapValueToKey on data with these labels.");
    }

    /// <summary>The classes of these rows.</summary>
    public int[] Of(IEnumerable<int> rows) => [.. rows.Select(row => Classes[row])];

    private static int[] ReadClasses(IDataView data, DataViewSchema.Column column, KeyDataViewType key, Action checkCancelled)
    {
        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        Func<ulong> getKey = Getter(cursor, column, key.RawType);
        List<int> classes = [];
        while (cursor.MoveNext())
        {
            ulong value = getKey();
            classes.Add(value == 0 || value > key.Count ? Missing : (int)value - 1);
            if (classes.Count % 1024 == 0)
            {
                checkCancelled();
            }
        }

        return [.. classes];
    }

    /// <summary>Keys are stored as one of four unsigned types.</summary>
    private static Func<ulong> Getter(DataViewRow row, DataViewSchema.Column column, Type rawType)
    {
        if (rawType == typeof(byte))
        {
            return Typed<byte>(value => value);
        }

        if (rawType == typeof(ushort))
        {
            return Typed<ushort>(value => value);
        }

        return rawType == typeof(uint) ? Typed<uint>(value => value) : Typed<ulong>(value => value);

        Func<ulong> Typed<T>(Func<T, ulong> convert)
            where T : unmanaged
        {
            ValueGetter<T> getter = row.GetGetter<T>(column);
            return () =>
            {
                T value = default;
                getter(ref value);
                return convert(value);
            };
        }
    }
}
