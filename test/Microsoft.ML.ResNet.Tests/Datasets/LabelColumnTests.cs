using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Tests.Datasets;

[TestClass]
public sealed class LabelColumnTests
{
    private readonly MLContext _context = new();

    [TestMethod]
    [DataRow(DataKind.Byte)]
    [DataRow(DataKind.UInt16)]
    [DataRow(DataKind.UInt32)]
    [DataRow(DataKind.UInt64)]
    public void Getter_EveryKindOfKey_GivesClassesFromZero(DataKind kind)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("keys.txt"), ["0", "2", "?", "7"]);
        IDataView data = _context.Data.LoadFromTextFile(
            folder.File("keys.txt"), [new TextLoader.Column("Key", kind, [new TextLoader.Range(0)], new KeyCount(3))]);

        LabelColumn labels = LabeledRows.Read(data, new LabeledRowColumns("Key", "Label column"), new ImageColumn { Name = "Key", Kind = FeatureKind.Pixels }, null, () => { }).Labels;

        CollectionAssert.AreEqual(new[] { 0, 2, LabelColumn.Missing, LabelColumn.Missing }, labels.Classes);
        Assert.AreEqual(3, labels.ClassCount);
        Assert.AreEqual(2, labels.MissingCount);
    }

    [TestMethod]
    public void Find_ColumnThatIsMissing_NamesTheOthers()
    {
        IDataView data = _context.Data.LoadFromEnumerable([new Row()]);

        Assert.AreEqual(
            "Label column 'Class' is missing. The data has the columns 'Number'.",
            Assert.ThrowsExactly<ArgumentException>(() => LabelColumn.Find(data.Schema, "Class", "Label column")).Message);
    }

    private sealed class Row
    {
        public uint Number { get; set; } = 1;
    }
}
