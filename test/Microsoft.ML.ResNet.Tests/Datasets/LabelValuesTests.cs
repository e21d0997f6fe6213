using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Tests.Datasets;

[TestClass]
public sealed class LabelValuesTests
{
    [TestMethod]
    public void Of_EveryTypeOfLabel_SurvivesTheModelFile()
    {
        RoundTrip(["cat", "žluťoučký 猫", ""], "cat", "žluťoučký 猫", "");
        RoundTrip([3, -1], "3", "-1");
        RoundTrip([(byte)1, (byte)255], "1", "255");
        RoundTrip([(sbyte)-1, (sbyte)2], "-1", "2");
        RoundTrip([(short)-300, (short)2], "-300", "2");
        RoundTrip([(ushort)300, (ushort)2], "300", "2");
        RoundTrip([4_000_000_000u, 2u], "4000000000", "2");
        RoundTrip([-5_000_000_000L, 2L], "-5000000000", "2");
        RoundTrip([ulong.MaxValue, 2ul], "18446744073709551615", "2");
        RoundTrip([0.1f, -1.5f], "0.1", "-1.5");
        RoundTrip([0.1, 1e300], "0.1", "1E+300");
        RoundTrip([true, false], "True", "False");
        RoundTrip([new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)], "2026-01-02T03:04:05.0000000Z");
        RoundTrip([TimeSpan.FromSeconds(90)], "00:01:30");
    }

    [TestMethod]
    public void Of_KeyWithoutValues_IsKnownByNumber()
    {
        IDataView data = new MLContext().Data.LoadFromEnumerable([new KeyRow()]);

        LabelValues values = LabelValues.Of(data.Schema["Label"], 3);

        CollectionAssert.AreEqual(new[] { "1", "2", "3" }, values.Names);
        Assert.IsNull(values.ItemType);
        Assert.AreEqual("None", values.TypeName);
    }

    [TestMethod]
    [DataRow("Object", "1", "The label's type is 'Object', expected one of Text, Boolean")]
    [DataRow("Int32", "one", "one")]
    [DataRow("Byte", "256", "A label is out of the range of Byte")]
    public void Parse_BadContent_IsAFormatException(string type, string name, string expected)
        => StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => LabelValues.Parse(type, [name])).Message, expected);

    private static void RoundTrip<T>(T[] labels, params string[] names)
    {
        var context = new MLContext();
        IDataView data = context.Data.LoadFromEnumerable(labels.Select(label => new Row<T> { Label = label }));
        IDataView keyed = context.Transforms.Conversion.MapValueToKey("Label", addKeyValueAnnotationsAsText: false).Fit(data).Transform(data);

        LabelValues values = LabelValues.Of(keyed.Schema["Label"], labels.Length);
        LabelValues again = LabelValues.Parse(values.TypeName, values.Names);

        CollectionAssert.AreEqual(names.Where(name => name.Length > 0).ToArray(), values.Names.Where(name => name.Length > 0).ToArray());
        Assert.AreEqual(((VectorDataViewType)keyed.Schema["Label"].Annotations.Schema["KeyValues"].Type).ItemType, again.ItemType);
        var builder = new DataViewSchema.Annotations.Builder();
        again.AddTo(builder, "KeyValues");
        CollectionAssert.AreEqual(Values(keyed.Schema["Label"].Annotations), Values(builder.ToAnnotations()));

        static string[] Values(DataViewSchema.Annotations annotations)
            => [.. typeof(T) == typeof(string) ? Typed<ReadOnlyMemory<char>>(annotations) : Typed<T>(annotations)];

        static IEnumerable<string> Typed<TItem>(DataViewSchema.Annotations annotations)
        {
            VBuffer<TItem> buffer = default;
            annotations.GetValue("KeyValues", ref buffer);
            return [.. buffer.DenseValues().Select(value => value!.ToString()!)];
        }
    }

    private sealed class Row<T>
    {
        public T Label { get; set; } = default!;
    }

    private sealed class KeyRow
    {
        [KeyType(3)]
        public uint Label { get; set; } = 1;
    }
}
