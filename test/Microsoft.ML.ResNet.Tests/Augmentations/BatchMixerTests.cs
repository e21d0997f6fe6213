using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class BatchMixerTests
{
    private const int Side = 16;
    private static readonly Augmentation MixUp = new() { MixUpAlpha = 1 }, CutMix = new() { CutMixAlpha = 1 };
    private static readonly int[] Rows = [11, 5, 8];
    private static readonly long[] Labels = [0, 1, 2];

    [TestMethod]
    public void Mix_MixUp_BlendsEachRowWithTheNextAsItWas()
    {
        byte[] batch = Batch(3);

        MixedTargets targets = new BatchMixer(MixUp, Format()).Mix(batch, Labels, Rows, seed: 1, epoch: 1);

        CollectionAssert.AreEqual(new long[] { 0, 1, 2 }, targets.Labels);
        CollectionAssert.AreEqual(new long[] { 1, 2, 0 }, targets.Partners);
        for (int row = 0; row < 3; row++)
        {
            double expected = (targets.Weights[row] * Shade(row)) + ((1 - targets.Weights[row]) * Shade((row + 1) % 3));
            Assert.IsTrue(Image(batch, row).All(value => Math.Abs(value - expected) <= 0.5), $"row {row}");
        }
    }

    [TestMethod]
    public void Mix_CutMix_WeightIsTheShareOfPixels()
    {
        for (int epoch = 1; epoch <= 100; epoch++)
        {
            byte[] batch = Batch(3);
            MixedTargets targets = new BatchMixer(CutMix, Format()).Mix(batch, Labels, Rows, seed: 1, epoch);
            for (int row = 0; row < 3; row++)
            {
                byte[] image = Image(batch, row);
                Assert.IsTrue(image.All(value => value == Shade(row) || value == Shade((row + 1) % 3)));
                Assert.AreEqual((float)image.Count(value => value == Shade(row)) / image.Length, targets.Weights[row], 1e-6f);
            }
        }
    }

    [TestMethod]
    public void Mix_ManyRows_MeanWeightIsThatOfTheMethod()
    {
        double mixUp = MeanWeight(MixUp), cutMix = MeanWeight(CutMix), never = MeanWeight(MixUp with { MixProbability = 0 });

        // Beta(1, 1) has a mean of 1/2 and a standard deviation of 0.29: five of them at 6,000 rows are 0.019. What is cut off a box at
        // the edges raises CutMix's weight: half of a side, on the average, is the box; of it a quarter lies outside.
        Assert.AreEqual(0.5, mixUp, 0.019);
        Assert.IsTrue(cutMix is > 0.55 and < 0.85, $"{cutMix}");
        Assert.AreEqual(1, never);
    }

    [TestMethod]
    public void Mix_BothMethods_EachRowTakesOneByACoin()
    {
        Augmentation both = new() { MixUpAlpha = 1, CutMixAlpha = 1 };
        int cut = 0, count = 0;
        for (int epoch = 1; epoch <= 1000; epoch++)
        {
            byte[] batch = Batch(3);
            MixedTargets targets = new BatchMixer(both, Format()).Mix(batch, Labels, Rows, seed: 1, epoch);
            for (int row = 0; row < 3; row++)
            {
                count++;
                cut += Image(batch, row).Distinct().Count() == 2 ? 1 : 0;
            }
        }

        // Boxes that are empty, or all of the image, can't be told; few are.
        Assert.AreEqual(0.5, (double)cut / count, 0.08);
    }

    [TestMethod]
    public void Mix_Probability_IsThatShareOfRows()
    {
        int mixed = 0;
        for (int epoch = 1; epoch <= 2000; epoch++)
        {
            mixed += new BatchMixer(MixUp with { MixProbability = 0.3 }, Format()).Mix(Batch(3), Labels, Rows, seed: 1, epoch).Weights.Count(weight => weight != 1);
        }

        // Five standard deviations, and 1/512 of the draws that round to 1.
        Assert.AreEqual(0.3, mixed / 6000.0, 0.033);
    }

    [TestMethod]
    public void Mix_SameSeedEpochAndRows_GivesTheSame()
    {
        byte[] first = Batch(3), again = Batch(3), other = Batch(3);

        MixedTargets targets = new BatchMixer(MixUp, Format()).Mix(first, Labels, Rows, seed: 1, epoch: 1);
        MixedTargets repeated = new BatchMixer(MixUp, Format()).Mix(again, Labels, Rows, seed: 1, epoch: 1);
        new BatchMixer(MixUp, Format()).Mix(other, Labels, Rows, seed: 1, epoch: 2);

        CollectionAssert.AreEqual(first, again);
        CollectionAssert.AreEqual(targets.Weights, repeated.Weights);
        CollectionAssert.AreNotEqual(first, other);
    }

    [TestMethod]
    public void Mix_OneRow_IsItsOwnPartnerAndStaysAsItIs()
    {
        foreach (Augmentation augmentation in (Augmentation[])[MixUp, CutMix])
        {
            byte[] batch = TestPicture.Bytes(Side, Side, 1), before = (byte[])batch.Clone();

            MixedTargets targets = new BatchMixer(augmentation, Format()).Mix(batch, [7], [0], seed: 1, epoch: 1);

            CollectionAssert.AreEqual(before, batch);
            CollectionAssert.AreEqual(new long[] { 7 }, targets.Partners);
        }
    }

    [TestMethod]
    public void Mix_Floats_BlendsThem()
    {
        InputFormat format = Format() with { IsFloat = true };
        float[] values = [.. Enumerable.Repeat(-1.5f, Side * Side), .. Enumerable.Repeat(2.25f, Side * Side)];

        MixedTargets targets = new BatchMixer(MixUp, format).Mix(MemoryMarshal.AsBytes(values.AsSpan()), [0, 1], [0, 1], seed: 1, epoch: 1);

        Assert.AreEqual((targets.Weights[0] * -1.5f) + ((1 - targets.Weights[0]) * 2.25f), values[0], 1e-5f);
        Assert.AreEqual((targets.Weights[1] * 2.25f) + ((1 - targets.Weights[1]) * -1.5f), values[^1], 1e-5f);
    }

    [TestMethod]
    public void Mix_SmallerBatchThanTheBuffer_LeavesTheRestAlone()
    {
        byte[] batch = Batch(3);

        new BatchMixer(MixUp, Format()).Mix(batch, Labels, Rows.AsSpan(0, 2), seed: 1, epoch: 1);

        Assert.IsTrue(Image(batch, 2).All(value => value == Shade(2)));
    }

    private static double MeanWeight(Augmentation augmentation)
        => Enumerable.Range(1, 2000).SelectMany(epoch => new BatchMixer(augmentation, Format()).Mix(Batch(3), Labels, Rows, seed: 1, epoch).Weights).Average();

    private static InputFormat Format() => InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0.5f], [0.5f]);

    private static byte Shade(int row) => (byte)(20 + (90 * row));

    private static byte[] Batch(int count) => [.. Enumerable.Range(0, count).SelectMany(row => Enumerable.Repeat(Shade(row), Side * Side))];

    private static byte[] Image(byte[] batch, int row) => batch[(row * Side * Side)..((row + 1) * Side * Side)];
}
