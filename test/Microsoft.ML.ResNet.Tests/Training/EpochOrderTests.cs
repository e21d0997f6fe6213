using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class EpochOrderTests
{
    [TestMethod]
    [DataRow(10, 1)]
    [DataRow(10, 3)]
    [DataRow(12, 4)]
    [DataRow(2, 2)]
    public void Of_AnyShards_HasEveryRowOnceAtAPlaceOfItsShard(int rows, int shards)
    {
        int[] first = EpochOrder.Of(rows, shards, seed: 5, epoch: 1), second = EpochOrder.Of(rows, shards, seed: 5, epoch: 2);

        CollectionAssert.AreEquivalent(Enumerable.Range(0, rows).ToArray(), first);
        Assert.IsTrue(Enumerable.Range(0, rows).All(place => first[place] % shards == place % shards), string.Join(' ', first));
        CollectionAssert.AreEqual(first, EpochOrder.Of(rows, shards, seed: 5, epoch: 1));
        if (rows > 2 * shards)
        {
            CollectionAssert.AreNotEqual(first, second);
        }
    }

    /// <summary>As many steps on every rank; every place of the order once; no batch of a single row; and the batches of a step the same, however they are parted.</summary>
    [TestMethod]
    public void Plan_AnyRanksAndBatches_CoversTheEpoch()
    {
        for (int rows = 24; rows < 120; rows++)
        {
            foreach (var (batch, accumulate, ranks) in from b in new[] { 2, 3, 8 } from a in new[] { 1, 2, 3 } from r in new[] { 1, 2, 3, 4 } select (b, a, r))
            {
                string what = $"{rows} rows, {accumulate} batches of {batch}, {ranks} ranks";
                BatchPlan[] plans = [.. Enumerable.Range(0, ranks).Select(rank => new BatchPlan(rows, batch, accumulate, rank, ranks))];
                int[][] batches = [.. plans.SelectMany(plan => Enumerable.Range(0, plan.Count).Select(i => Places(plan, i)))];
                CollectionAssert.AreEquivalent(Enumerable.Range(0, rows).ToArray(), batches.SelectMany(places => places).ToArray(), what);
                Assert.IsTrue(batches.All(places => places.Length >= 2), what);
                Assert.IsTrue(plans.All(plan => plan.StepCount == plans[0].StepCount && plan.Count == plan.StepCount * accumulate), what);
                Assert.IsTrue(plans.All(plan => Enumerable.Range(0, plan.Count).Max(plan.RowsOf) == plan.LargestBatch), what);
                Assert.IsTrue(plans.All(plan => Enumerable.Range(0, plan.Count - accumulate).All(i => plan.RowsOf(i) == batch)), what);

                var alone = new BatchPlan(rows, batch, accumulate * ranks);
                CollectionAssert.AreEquivalent(
                    Enumerable.Range(0, alone.Count).Select(i => string.Join(' ', Places(alone, i))).ToArray(), batches.Select(places => string.Join(' ', places)).ToArray(), what);
            }
        }
    }

    private static int[] Places(BatchPlan plan, int batch) => [.. Enumerable.Range(0, plan.RowsOf(batch)).Select(row => plan[batch, row])];
}
