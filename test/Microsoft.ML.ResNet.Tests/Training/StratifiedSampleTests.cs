using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class StratifiedSampleTests
{
    private static readonly int[] s_labels = [.. Enumerable.Range(0, 120).Select(row => row % 4 == 0 ? 1 : 0)];

    [TestMethod]
    public void Of_SomeRows_HasEachClassByItsShare()
    {
        int[] sample = StratifiedSample.Of(s_labels, 20, seed: 1);

        Assert.HasCount(20, sample.Distinct());
        Assert.AreEqual(5, sample.Count(row => s_labels[row] == 1));
        CollectionAssert.AreEqual(sample, StratifiedSample.Of(s_labels, 20, seed: 1));
        CollectionAssert.IsSubsetOf(StratifiedSample.Of(s_labels, 7, seed: 1), sample);
    }

    [TestMethod]
    public void Of_AllRows_IsAll()
        => CollectionAssert.AreEqual(Enumerable.Range(0, 120).ToArray(), StratifiedSample.Of(s_labels, 120, seed: 1));

    [TestMethod]
    public void InOrder_AnyNumberOfRows_HasOneOfEachClassFirstAndThenTheirShares()
    {
        int[] labels = [.. s_labels, 2];

        int[] order = StratifiedSample.InOrder(labels, seed: 1);

        CollectionAssert.AreEquivalent(Enumerable.Range(0, 121).ToArray(), order);
        CollectionAssert.AreEquivalent(new[] { 0, 1, 2 }, order.Take(3).Select(row => labels[row]).ToArray());
        Assert.AreEqual(10, order.Take(40).Count(row => labels[row] == 1), 1.0);
    }
}
