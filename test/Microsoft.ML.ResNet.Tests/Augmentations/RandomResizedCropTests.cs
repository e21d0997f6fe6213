using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class RandomResizedCropTests
{
    [TestMethod]
    [DataRow(256, 340)]
    [DataRow(224, 224)]
    public void Choose_ManyDraws_KeepsToAreaAndRatioAndReachesBothEnds(int width, int height)
    {
        const double minimumScale = 0.35;
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        double smallest = 1, largest = 0, narrowest = 9, widest = 0;
        for (int i = 0; i < 20_000; i++)
        {
            CropBox box = RandomResizedCrop.Choose(ref random, width, height, minimumScale);
            Assert.IsTrue(box.Left >= 0 && box.Top >= 0 && box.Left + box.Width <= width && box.Top + box.Height <= height, $"{box}");
            double scale = (double)box.Width * box.Height / (width * height), ratio = (double)box.Width / box.Height;
            (smallest, largest) = (Math.Min(smallest, scale), Math.Max(largest, scale));
            (narrowest, widest) = (Math.Min(narrowest, ratio), Math.Max(widest, ratio));
        }

        // Sides are whole pixels: one half of 130 is 0.4%, in area twice that.
        Assert.AreEqual(minimumScale, smallest, 0.01);
        Assert.IsTrue(largest is > 0.95 and <= 1, $"{largest}");
        Assert.AreEqual(0.75, narrowest, 0.02);
        Assert.AreEqual(1 / 0.75, widest, 0.02);
    }

    [TestMethod]
    public void Choose_NoAllowedRatioFits_TakesTheCentreAsTorchvision()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);

        // 10 high: 4/3 of it is 13 wide, at (100 - 13) // 2; and the other way round.
        Assert.AreEqual(new CropBox(43, 0, 13, 10), RandomResizedCrop.Choose(ref random, 100, 10, 0.9));
        Assert.AreEqual(new CropBox(0, 43, 10, 13), RandomResizedCrop.Choose(ref random, 10, 100, 0.9));
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(1, 50)]
    [DataRow(3, 2)]
    public void Choose_TinyImage_StaysInside(int width, int height)
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        for (int i = 0; i < 1000; i++)
        {
            CropBox box = RandomResizedCrop.Choose(ref random, width, height, 0.08);
            Assert.IsTrue(box is { Left: >= 0, Top: >= 0, Width: > 0, Height: > 0 } && box.Left + box.Width <= width && box.Top + box.Height <= height, $"{box}");
        }
    }
}
