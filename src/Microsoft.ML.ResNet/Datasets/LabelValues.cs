using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// The classes of a model in key order: the values that the label's keys stand for, in the type that they had, so that the predicted
/// label maps back to the same values.
/// </summary>
internal abstract class LabelValues
{
    private const string KeyValuesKind = "KeyValues";

    private static readonly Dictionary<string, Func<string[], LabelValues>> Parsers = new(StringComparer.Ordinal)
    {
        ["Text"] = Parser(TextDataViewType.Instance, text => text.AsMemory(), value => value.ToString()),
        ["Boolean"] = Parser(BooleanDataViewType.Instance, bool.Parse, value => value.ToString()),
        ["SByte"] = Number(NumberDataViewType.SByte, sbyte.Parse),
        ["Byte"] = Number(NumberDataViewType.Byte, byte.Parse),
        ["Int16"] = Number(NumberDataViewType.Int16, short.Parse),
        ["UInt16"] = Number(NumberDataViewType.UInt16, ushort.Parse),
        ["Int32"] = Number(NumberDataViewType.Int32, int.Parse),
        ["UInt32"] = Number(NumberDataViewType.UInt32, uint.Parse),
        ["Int64"] = Number(NumberDataViewType.Int64, long.Parse),
        ["UInt64"] = Number(NumberDataViewType.UInt64, ulong.Parse),
        ["Single"] = Number(NumberDataViewType.Single, float.Parse),
        ["Double"] = Number(NumberDataViewType.Double, double.Parse),
        ["DateTime"] = Parser(DateTimeDataViewType.Instance, text => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind), FormatDate),
        ["DateTimeOffset"] = Parser(DateTimeOffsetDataViewType.Instance, text => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture), value => value.ToString("O", CultureInfo.InvariantCulture)),
        ["TimeSpan"] = Parser(TimeSpanDataViewType.Instance, text => TimeSpan.Parse(text, CultureInfo.InvariantCulture), value => value.ToString("c", CultureInfo.InvariantCulture)),
        ["None"] = names => new Unnamed(names),
    };

    private LabelValues(string typeName, string[] names)
    {
        TypeName = typeName;
        Names = names;
    }

    /// <summary>The values as text, in the invariant culture; the keys' numbers where the label had no values.</summary>
    public string[] Names { get; }

    /// <summary>The name of the values' type in a model file.</summary>
    public string TypeName { get; }

    public int Count => Names.Length;

    /// <summary>The type of the values, or null where the label had none.</summary>
    public abstract PrimitiveDataViewType? ItemType { get; }

    /// <summary>Adds the values to a column's annotations under <paramref name="kind"/>; nothing where the label had none.</summary>
    public abstract void AddTo(DataViewSchema.Annotations.Builder annotations, string kind);

    /// <summary>Takes the values from the annotations of a key column.</summary>
    /// <exception cref="ArgumentException">The values have a type that no label has.</exception>
    public static LabelValues Of(DataViewSchema.Column label, int classCount)
    {
        if (label.Annotations.Schema.GetColumnOrNull(KeyValuesKind)?.Type is not VectorDataViewType { ItemType: PrimitiveDataViewType type })
        {
            return new Unnamed([.. Enumerable.Range(1, classCount).Select(key => key.ToString(CultureInfo.InvariantCulture))]);
        }

        foreach (Func<string[], LabelValues> parser in Parsers.Values)
        {
            LabelValues empty = parser([]);
            if (type.Equals(empty.ItemType))
            {
                return empty.Read(label);
            }
        }

        throw new ArgumentException($"Label column '{label.Name}' has key values of type {type}, expected Text, Boolean, a number, a date or a time.");
    }

    /// <summary>Restores values from a model file.</summary>
    /// <exception cref="FormatException">The type is unknown, or a value can't be read as that type.</exception>
    public static LabelValues Parse(string typeName, string[] names)
    {
        if (!Parsers.TryGetValue(typeName, out Func<string[], LabelValues>? parser))
        {
            throw new FormatException($"The label's type is '{typeName}', expected one of {string.Join(", ", Parsers.Keys)}.");
        }

        try
        {
            return parser(names);
        }
        catch (OverflowException exception)
        {
            throw new FormatException($"A label is out of the range of {typeName}: {exception.Message}", exception);
        }
    }

    protected abstract LabelValues Read(DataViewSchema.Column label);

    /// <summary>A local time is written without its offset: in another time zone it would be read as another value.</summary>
    private static string FormatDate(DateTime value)
        => (value.Kind == DateTimeKind.Local ? DateTime.SpecifyKind(value, DateTimeKind.Unspecified) : value).ToString("O", CultureInfo.InvariantCulture);

    private static Func<string[], LabelValues> Parser<T>(PrimitiveDataViewType type, Func<string, T> parse, Func<T, string> format)
        => names => new Typed<T>(type, format, [.. names.Select(parse)]);

    private static Func<string[], LabelValues> Number<T>(PrimitiveDataViewType type, Func<string, IFormatProvider, T> parse)
        where T : IFormattable
        => Parser(type, text => parse(text, CultureInfo.InvariantCulture), value => value.ToString(null, CultureInfo.InvariantCulture));

    private sealed class Typed<T>(PrimitiveDataViewType type, Func<T, string> format, T[] values)
        : LabelValues(FileNameOf(type), [.. values.Select(format)])
    {
        public override PrimitiveDataViewType ItemType => type;

        public override void AddTo(DataViewSchema.Annotations.Builder annotations, string kind)
            => annotations.Add(kind, new VectorDataViewType(type, values.Length), (ref VBuffer<T> destination) => new VBuffer<T>(values.Length, values).CopyTo(ref destination));

        protected override LabelValues Read(DataViewSchema.Column label)
        {
            VBuffer<T> buffer = default;
            label.Annotations.GetValue(KeyValuesKind, ref buffer);
            return new Typed<T>(type, format, [.. buffer.DenseValues()]);
        }
    }

    /// <summary>A label that is a key without values: its classes are known by number.</summary>
    private sealed class Unnamed(string[] names) : LabelValues("None", names)
    {
        public override PrimitiveDataViewType? ItemType => null;

        public override void AddTo(DataViewSchema.Annotations.Builder annotations, string kind)
        {
        }

        protected override LabelValues Read(DataViewSchema.Column label) => this;
    }

    private static string FileNameOf(PrimitiveDataViewType type) => type == TextDataViewType.Instance ? "Text" : type.RawType.Name;
}
