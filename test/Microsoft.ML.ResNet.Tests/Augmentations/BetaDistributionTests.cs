using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class BetaDistributionTests
{
    [TestMethod]
    [DataRow(0.2)]
    [DataRow(1.0)]
    [DataRow(4.0)]
    public void Sample_ManyDraws_HaveTheMeanAndVarianceOfTheDistribution(double alpha)
    {
        const int count = 50_000;
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        double sum = 0, squares = 0;
        for (int i = 0; i < count; i++)
        {
            double value = BetaDistribution.Sample(ref random, alpha);
            Assert.IsTrue(value is >= 0 and <= 1, $"{value}");
            sum += value;
            squares += value * value;
        }

        // Mean 1/2, variance 1 / (4 (2 alpha + 1)); five standard deviations of the mean, and 3% of the variance.
        double mean = sum / count, variance = (squares / count) - (mean * mean), expected = 1 / (4 * ((2 * alpha) + 1));
        Assert.AreEqual(0.5, mean, 5 * Math.Sqrt(expected / count));
        Assert.AreEqual(expected, variance, 0.03 * expected);
    }

    [TestMethod]
    public void Sample_AlphaOfOne_IsEvenlySpread()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        int[] counts = new int[10];
        for (int i = 0; i < 10_000; i++)
        {
            counts[Math.Min(9, (int)(BetaDistribution.Sample(ref random, 1) * 10))]++;
        }

        // Five standard deviations of a count of 1,000.
        Assert.IsTrue(counts.All(count => Math.Abs(count - 1000) < 150), string.Join(",", counts));
    }

    [TestMethod]
    public void Sample_TinyAlpha_IsNearOneOfTheEndsAndNeverNotANumber()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        for (int i = 0; i < 1000; i++)
        {
            double value = BetaDistribution.Sample(ref random, 1e-5);
            Assert.IsTrue(value is >= 0 and < 0.01 or > 0.99 and <= 1, $"{value}");
        }
    }
}
