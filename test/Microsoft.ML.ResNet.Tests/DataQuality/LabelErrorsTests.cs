using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.DataQuality;

/// <summary>Wrong labels that were planted among features whose classes are known.</summary>
[TestClass]
public sealed class LabelErrorsTests
{
    private const int FeatureCount = 16, Count = 600;

    private static readonly MLContext Context = new(1);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void FindLabelErrors_PlantedErrors_ComeFirst(bool hasKeys)
    {
        var (rows, planted) = Planted();
        IDataView data = Context.Data.LoadFromEnumerable(rows);
        data = hasKeys ? Context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data) : data;

        IReadOnlyList<LabelSuspicion> found = Context.MulticlassClassification.FindLabelErrors(data);

        Assert.HasCount(Count, found);
        CollectionAssert.AllItemsAreUnique(found.Select(row => row.Row).ToArray());
        LabelSuspicion[] first = [.. found.Take(planted.Count)];
        Assert.IsGreaterThanOrEqualTo((int)(0.95 * planted.Count), first.Count(row => planted.ContainsKey(row.Row)));
        Assert.IsGreaterThanOrEqualTo((int)(0.7 * planted.Count), first.Count(row => row.IsLikelyError && planted.TryGetValue(row.Row, out string? right) && row.SuggestedLabel == right));
        Assert.IsLessThan(1.3 * planted.Count, found.Count(row => row.IsLikelyError));
        foreach (LabelSuspicion row in found)
        {
            Assert.AreEqual(rows[(int)row.Row].Label, row.Label);
            Assert.AreEqual(rows[(int)row.Row].ImagePath, row.ImagePath);
            Assert.AreNotEqual(row.Label, row.SuggestedLabel);
            Assert.IsTrue(row.LabelProbability >= 0 && row.LabelProbability + row.SuggestedProbability <= 1.0001);
        }

        CollectionAssert.AreEqual(found.Select(row => row.LabelProbability).Order().ToArray(), found.Select(row => row.LabelProbability).ToArray());
        IDataView asData = Context.Data.LoadFromEnumerable(found);
        CollectionAssert.AreEqual(found.Select(row => row.SuggestedLabel).ToArray(), asData.GetColumn<string>(nameof(LabelSuspicion.SuggestedLabel)).ToArray());
    }

    [TestMethod]
    public void FindLabelErrors_CleanData_DoubtsHardlyAny()
    {
        IReadOnlyList<LabelSuspicion> found = Context.MulticlassClassification.FindLabelErrors(Context.Data.LoadFromEnumerable(Planted(share: 0).Rows));

        Assert.IsLessThan(Count / 50, found.Count(row => row.IsLikelyError));
    }

    [TestMethod]
    public void FindLabelErrors_RowsWithoutLabelOrFeatures_AreLeftOut()
    {
        var (rows, _) = Planted();
        rows[3].Label = "";
        rows[5].Features[2] = float.NaN;

        IReadOnlyList<LabelSuspicion> found = Context.MulticlassClassification.FindLabelErrors(Context.Data.LoadFromEnumerable(rows), folds: 3, seed: 5);

        Assert.HasCount(Count - 2, found);
        Assert.IsFalse(found.Any(row => row.Row is 3 or 5));
    }

    [TestMethod]
    public void FindLabelErrors_WrongData_SaysWhatIsExpected()
    {
        IDataView data = Context.Data.LoadFromEnumerable(Planted().Rows);
        IDataView one = Context.Data.LoadFromEnumerable([new Row { Label = "a", Features = new float[FeatureCount] }]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.FindLabelErrors(data, featureColumnName: "Other")).Message, "Feature column 'Other' is missing");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.FindLabelErrors(data, featureColumnName: "ImagePath")).Message, "expected a vector of Single of known size. Add ResNetFeatures");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.FindLabelErrors(data, labelColumnName: "Class")).Message, "Label column 'Class' is missing");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.FindLabelErrors(data, folds: 1));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.FindLabelErrors(one)).Message, "1 labelled rows of 1 class, expected at least two classes");
    }

    /// <summary>Three clouds of points, some of which have the label of another one.</summary>
    /// <returns>The rows, and of those with a wrong label the right one.</returns>
    private static (Row[] Rows, Dictionary<long, string> Planted) Planted(double share = 0.05)
    {
        var random = new Random(11);
        string[] classes = ["ant", "bee", "čmelák"];
        Row[] rows = [.. Enumerable.Range(0, Count).Select(i => new Row
        {
            ImagePath = $"{i}.png",
            Label = classes[i % 3],
            Features = [.. Enumerable.Range(0, FeatureCount).Select(feature => (float)(random.NextDouble() + (feature % 3 == i % 3 ? 0.9 : 0)))],
        })];
        Dictionary<long, string> planted = [];
        for (int i = 0; i < Count; i++)
        {
            if (random.NextDouble() < share)
            {
                planted[i] = rows[i].Label;
                rows[i].Label = classes[(i + 1 + random.Next(2)) % 3];
            }
        }

        return (rows, planted);
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];
    }
}
