using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class SplitMix64Tests
{
    [TestMethod]
    public void ForRow_DependsOnSeedEpochAndRowAlone()
    {
        Assert.AreEqual(First(1, 1, 0), First(1, 1, 0));
        var all = new HashSet<ulong>();
        for (int seed = 0; seed < 10; seed++)
        {
            for (int epoch = 0; epoch < 10; epoch++)
            {
                for (int row = 0; row < 100; row++)
                {
                    Assert.IsTrue(all.Add(First(seed, epoch, row)), $"seed {seed}, epoch {epoch}, row {row}");
                }
            }
        }
    }

    [TestMethod]
    public void ForRow_EachStream_DrawsOtherNumbers()
    {
        ulong[] first = [.. Enum.GetValues<RandomStream>().Select(stream => SplitMix64.ForRow(1, 1, 0, stream).NextUInt64())];

        Assert.HasCount(first.Length, first.ToHashSet());
    }

    [TestMethod]
    public void NextDouble_ManyDraws_AreBetweenTheirBoundsAndCentred()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        double sum = 0;
        for (int i = 0; i < 10_000; i++)
        {
            double value = random.NextDouble(2, 4);
            Assert.IsTrue(value is >= 2 and < 4);
            sum += value;
        }

        // Five standard deviations: the width divided by the root of 12 and of the count.
        Assert.AreEqual(3, sum / 10_000, 5 * 2 / Math.Sqrt(12 * 10_000));
    }

    [TestMethod]
    public void Next_ManyDraws_AreEvenlySpread()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        int[] counts = new int[9];
        for (int i = 0; i < 90_000; i++)
        {
            counts[random.Next(9)]++;
        }

        // Five standard deviations of a count of 10,000.
        Assert.IsTrue(counts.All(count => Math.Abs(count - 10_000) < 500), string.Join(",", counts));
    }

    [TestMethod]
    public void Shuffle_EveryEpoch_IsAnotherPermutation()
    {
        int[] first = [.. Enumerable.Range(0, 100)], second = [.. Enumerable.Range(0, 100)];
        SplitMix64.ForEpoch(1, 1).Shuffle(first);
        SplitMix64.ForEpoch(1, 2).Shuffle(second);

        CollectionAssert.AreNotEqual(first, second);
        CollectionAssert.AreEqual(Enumerable.Range(0, 100).ToArray(), first.Order().ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(0, 100).ToArray(), second.Order().ToArray());
    }

    private static ulong First(long seed, int epoch, int row) => SplitMix64.ForRow(seed, epoch, row, RandomStream.Crop).NextUInt64();
}
