using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class ColorJitterTests
{
    [TestMethod]
    public void Apply_Brightness_IsBetweenItsFactors()
    {
        double smallest = 9, largest = 0;
        SplitMix64 random = SplitMix64.ForEpoch(1, 1);
        for (int i = 0; i < 2000; i++)
        {
            float[] image = [0.5f, 0.5f, 0.5f];
            new ColorJitter(0.4, 0, 0, 0).Apply(ref random, new ImageSpan<float>(image, 1, 1, 3, 1));
            (smallest, largest) = (Math.Min(smallest, image[0]), Math.Max(largest, image[0]));
        }

        Assert.AreEqual(0.5 * 0.6, smallest, 0.005);
        Assert.AreEqual(0.5 * 1.4, largest, 0.005);
    }

    [TestMethod]
    public void Apply_OthersOff_DrawsTheSame()
    {
        SplitMix64 alone = SplitMix64.ForEpoch(1, 1), together = SplitMix64.ForEpoch(1, 1);
        byte[] one = TestPicture.Bytes(7, 5, 1), both = TestPicture.Bytes(7, 5, 1);

        // One channel: the middle two change nothing, but draw.
        new ColorJitter(0.4, 0, 0, 0).Apply(ref alone, TestPicture.Span(one, 7, 5, 1));
        new ColorJitter(0.4, 0, 0.4, 0.1).Apply(ref together, TestPicture.Span(both, 7, 5, 1));

        CollectionAssert.AreEqual(one, both);
        Assert.AreEqual(alone.NextUInt64(), together.NextUInt64());
    }
}
