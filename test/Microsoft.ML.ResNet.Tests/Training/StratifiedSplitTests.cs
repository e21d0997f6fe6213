using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class StratifiedSplitTests
{
    [TestMethod]
    public void Of_UnevenClasses_TakesTheShareOfEach()
    {
        int[] labels = [.. Enumerable.Repeat(0, 100), .. Enumerable.Repeat(1, 10), .. Enumerable.Repeat(2, 1)];

        var (training, validation) = StratifiedSplit.Of(labels, 0.2, seed: 1);

        CollectionAssert.AreEqual(new[] { 20, 2, 0 }, Counts(validation));
        CollectionAssert.AreEqual(new[] { 80, 8, 1 }, Counts(training));
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 111).ToArray(), training.Concat(validation).ToArray());

        int[] Counts(int[] rows) => [.. Enumerable.Range(0, 3).Select(label => rows.Count(row => labels[row] == label))];
    }

    [TestMethod]
    public void Of_SameSeed_SplitsTheSameWay()
    {
        int[] labels = [.. Enumerable.Range(0, 50).Select(i => i % 3)];

        CollectionAssert.AreEqual(StratifiedSplit.Of(labels, 0.3, 7).Validation, StratifiedSplit.Of(labels, 0.3, 7).Validation);
        CollectionAssert.AreNotEqual(StratifiedSplit.Of(labels, 0.3, 7).Validation, StratifiedSplit.Of(labels, 0.3, 8).Validation);
    }

    [TestMethod]
    public void Of_LargestFraction_LeavesSomethingToTrainOn()
        => Assert.AreEqual(2, StratifiedSplit.Of([0, 1, 0, 1], 0.9, seed: 1).Training.Length);
}
