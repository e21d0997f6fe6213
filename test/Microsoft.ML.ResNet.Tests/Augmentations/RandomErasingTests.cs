using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class RandomErasingTests
{
    [TestMethod]
    public void TryChoose_ManyDraws_KeepsToAreaAndRatio()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        double smallest = 1, largest = 0, lowest = 9, highest = 0;
        for (int i = 0; i < 20_000; i++)
        {
            Assert.IsTrue(RandomErasing.TryChoose(ref random, 224, 224, out CropBox box));
            Assert.IsTrue(box is { Left: >= 0, Top: >= 0 } && box.Left + box.Width <= 224 && box.Top + box.Height <= 224, $"{box}");
            double scale = (double)box.Width * box.Height / (224 * 224), ratio = (double)box.Height / box.Width;
            (smallest, largest) = (Math.Min(smallest, scale), Math.Max(largest, scale));
            (lowest, highest) = (Math.Min(lowest, ratio), Math.Max(highest, ratio));
        }

        // Sides are whole pixels; the narrowest box is 17 wide.
        Assert.AreEqual(0.02, smallest, 0.001);
        Assert.AreEqual(0.33, largest, 0.01);
        Assert.AreEqual(0.3, lowest, 0.02);
        Assert.AreEqual(3.3, highest, 0.2);
    }

    [TestMethod]
    public void TryChoose_OnePixel_FindsNone()
    {
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);

        Assert.IsFalse(RandomErasing.TryChoose(ref random, 1, 1, out _));
        Assert.IsFalse(RandomErasing.TryChoose(ref random, 1, 30, out _));
    }

    [TestMethod]
    public void Erase_Bytes_FillsWithTheMean()
    {
        InputFormat format = InputFormat.Of(4, 3, PixelRange.ZeroTo255, [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);
        byte[] image = new byte[4 * 3 * 3];

        RandomErasing.Erase(TestPicture.Span(image, 4, 3), new CropBox(1, 1, 2, 2), format);

        // 255 times the means: 123.7, 116.3, 103.5 - which in float32 is just below.
        byte[] row = [0, 0, 0, 124, 116, 104, 124, 116, 104, 0, 0, 0];
        CollectionAssert.AreEqual(new byte[12], image[..12]);
        CollectionAssert.AreEqual(row, image[12..24]);
        CollectionAssert.AreEqual(row, image[24..]);
    }

    [TestMethod]
    [DataRow(PixelRange.ZeroToOne, 0.485f)]
    [DataRow(PixelRange.Normalized, 0f)]
    public void Erase_Floats_FillsWithWhatNormalisesToZero(PixelRange range, float expected)
    {
        InputFormat format = InputFormat.Of(2, 2, range, [0.485f], [0.229f]) with { IsFloat = true };
        float[] image = [5, 5, 5, 5];

        RandomErasing.Erase(new ImageSpan<float>(image, 2, 2, 1, 0), new CropBox(0, 1, 2, 1), format);

        Assert.AreEqual(5, image[1]);
        Assert.AreEqual(expected, image[2], 1e-6f);
        Assert.AreEqual(expected, image[3], 1e-6f);
    }

    [TestMethod]
    public void Apply_Probability_IsThatShareOfImages()
    {
        InputFormat format = InputFormat.Of(8, 8, PixelRange.ZeroTo255, [0.5f], [0.5f]);
        int erased = 0;
        for (int row = 0; row < 10_000; row++)
        {
            byte[] image = new byte[64];
            SplitMix64 random = SplitMix64.ForRow(1, 1, row, RandomStream.Erasing);
            RandomErasing.Apply(ref random, 0.25, TestPicture.Span(image, 8, 8, 1), format);
            erased += image.Any(value => value > 0) ? 1 : 0;
        }

        // Five standard deviations: 43 each.
        Assert.AreEqual(2500, erased, 217);
    }
}
