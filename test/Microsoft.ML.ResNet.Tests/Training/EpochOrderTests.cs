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
        int[] first = EpochOrder.Of(rows, shards, seed: 5, epoch: 1).Rows, second = EpochOrder.Of(rows, shards, seed: 5, epoch: 2).Rows;

        CollectionAssert.AreEquivalent(Enumerable.Range(0, rows).ToArray(), first);
        Assert.IsTrue(Enumerable.Range(0, rows).All(place => first[place] % shards == place % shards), string.Join(' ', first));
        CollectionAssert.AreEqual(first, EpochOrder.Of(rows, shards, seed: 5, epoch: 1).Rows);
        if (rows > 2 * shards)
        {
            CollectionAssert.AreNotEqual(first, second);
        }
    }

    /// <summary>Every row once, each shard its own stretch of rows at every n-th place, and no row before the buffer can have it.</summary>
    [TestMethod]
    [DataRow(1, 10)]
    [DataRow(3, 10)]
    [DataRow(2, 1)]
    [DataRow(4, 1000)]
    public void OfFiles_AnyShardsAndBuffer_ReadsFilesInOneGo(int shards, int buffer)
    {
        const int rows = 101;
        int[] files = [0, 7, 30, 31, 64, 90];
        EpochOrder first = EpochOrder.OfFiles(rows, shards, seed: 5, epoch: 1, files, buffer), second = EpochOrder.OfFiles(rows, shards, seed: 5, epoch: 2, files, buffer);

        CollectionAssert.AreEquivalent(Enumerable.Range(0, rows).ToArray(), first.Rows);
        CollectionAssert.AreEqual(first.Rows, EpochOrder.OfFiles(rows, shards, seed: 5, epoch: 1, files, buffer).Rows);
        CollectionAssert.AreNotEqual(first.Rows, second.Rows);
        CollectionAssert.AreEqual(Enumerable.Range(0, rows).ToArray(), first.Reads.SelectMany(reads => reads.Order()).ToArray(), "Shards are stretches, one after the other.");
        for (int shard = 0; shard < shards; shard++)
        {
            int[] own = [.. Enumerable.Range(0, rows).Where(place => place % shards == shard).Select(place => first.Rows[place])], reads = first.Reads[shard];
            CollectionAssert.AreEquivalent(own, reads);
            CollectionAssert.AreEquivalent(own, second.Reads[shard], "The same rows in each epoch.");
            Assert.IsTrue(Enumerable.Range(0, own.Length).All(i => Array.IndexOf(reads, own[i]) < i + buffer), string.Join(' ', own));
            int jumps = Enumerable.Range(1, reads.Length - 1).Count(i => reads[i] != reads[i - 1] + 1);
            Assert.IsLessThan(files.Length, jumps, string.Join(' ', reads));
        }
    }

    [TestMethod]
    public void OfFiles_BufferOfAll_ShufflesAll()
    {
        const int rows = 40;
        int[] firsts = [.. Enumerable.Range(1, 2000).Select(epoch => EpochOrder.OfFiles(rows, 1, seed: 5, epoch, [0, 20], rows).Rows[0])];

        // 50 times each, within five standard deviations.
        Assert.IsTrue(Enumerable.Range(0, rows).All(row => Math.Abs(firsts.Count(first => first == row) - 50) < 35));
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
