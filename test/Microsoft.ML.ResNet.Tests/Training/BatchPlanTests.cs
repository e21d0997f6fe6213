using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class BatchPlanTests
{
    [TestMethod]
    [DataRow(10, 4, "4,4,2")]
    [DataRow(8, 4, "4,4")]
    [DataRow(33, 32, "33")]
    [DataRow(65, 32, "32,33")]
    [DataRow(3, 2, "3")]
    [DataRow(5, 4, "5")]
    [DataRow(2, 64, "2")]
    public void Batches_CoverEveryRowOnce(int rows, int batchSize, string sizes)
    {
        var plan = new BatchPlan(rows, batchSize);
        int[] covered = [.. Enumerable.Range(0, plan.Count).SelectMany(batch => Enumerable.Range(0, plan.RowsOf(batch)).Select(row => plan[batch, row]))];

        CollectionAssert.AreEqual(Enumerable.Range(0, rows).ToArray(), covered);
        Assert.AreEqual(sizes, string.Join(",", Enumerable.Range(0, plan.Count).Select(batch => plan.RowsOf(batch))));
    }

    [TestMethod]
    public void Batches_AnyCounts_NeverHaveASingleRow()
    {
        for (int rows = 2; rows < 200; rows++)
        {
            for (int batchSize = 2; batchSize < 70; batchSize++)
            {
                var plan = new BatchPlan(rows, batchSize);
                Assert.AreEqual(plan.LargestBatch, Enumerable.Range(0, plan.Count).Max(batch => plan.RowsOf(batch)));
                Assert.IsTrue(Enumerable.Range(0, plan.Count).All(batch => plan.RowsOf(batch) > 1), $"{rows} rows, batch size {batchSize}");
            }
        }
    }
}
