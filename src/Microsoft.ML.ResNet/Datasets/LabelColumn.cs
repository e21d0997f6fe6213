using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Datasets;

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

    /// <summary>The label column of a data set.</summary>
    /// <param name="role">Begins an error: "Label column", "Label column of the validation set".</param>
    /// <exception cref="ArgumentException">The column is missing or no key.</exception>
    public static DataViewSchema.Column Find(DataViewSchema schema, string name, string role)
    {
        DataViewSchema.Column column = DataViewColumns.Require(schema, name, role);
        if (column.Type is not KeyDataViewType key)
        {
            throw new ArgumentException($"{role} '{name}' has type {column.Type}, expected Key. Add Conversion.MapValueToKey(\"{name}\") before ResNet.");
        }

        return key.Count <= int.MaxValue
            ? column
            : throw new ArgumentException($"{role} '{name}' has {key.Count} classes, expected at most {int.MaxValue}.");
    }

    /// <summary>The labels of all rows.</summary>
    /// <param name="column">As <see cref="Find"/> gives it.</param>
    /// <exception cref="InvalidOperationException">No row has a label.</exception>
    public static LabelColumn Of(DataViewSchema.Column column, string role, int[] classes)
    {
        if (classes.Length == 0)
        {
            throw new InvalidOperationException($"{role} '{column.Name}' has no rows: the data is empty. Check the path or the filter that the data comes from.");
        }

        var labels = new LabelColumn(column, (int)((KeyDataViewType)column.Type).Count, classes);
        return labels.MissingCount < classes.Length
            ? labels
            : throw new InvalidOperationException(
                $"{role} '{column.Name}' is missing in all {classes.Length} rows: no value of theirs has a key. Fit MapValueToKey on data with these labels.");
    }

    /// <summary>The class of the current row, or <see cref="Missing"/>.</summary>
    public static Func<int> Getter(DataViewRow row, DataViewSchema.Column column)
    {
        var key = (KeyDataViewType)column.Type;
        Func<ulong> getKey = KeyGetter(row, column, key.RawType);
        return () => getKey() is var value && (value == 0 || value > key.Count) ? Missing : (int)value - 1;
    }

    /// <summary>Keys are stored as one of four unsigned types.</summary>
    private static Func<ulong> KeyGetter(DataViewRow row, DataViewSchema.Column column, Type rawType)
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
