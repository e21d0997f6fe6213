using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class FlipTests
{
    [TestMethod]
    public void Horizontally_ThreeChannels_KeepsThePixelsWhole()
    {
        byte[] image = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19];

        Flip.Horizontally(TestPicture.Span(image, 3, 2));

        CollectionAssert.AreEqual(new byte[] { 7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13 }, image);
    }

    [TestMethod]
    public void Horizontally_OneChannelOfFloats_ReversesTheRows()
    {
        float[] image = [1, 2, 3, 4, 5, 6];

        Flip.Horizontally(new ImageSpan<float>(image, 3, 2, 1, 0));

        CollectionAssert.AreEqual(new float[] { 3, 2, 1, 6, 5, 4 }, image);
    }

    [TestMethod]
    public void Vertically_OddHeight_ReversesTheOrderOfRows()
    {
        byte[] image = [1, 2, 3, 4, 5, 6];

        Flip.Vertically(TestPicture.Span(image, 2, 3, 1));

        CollectionAssert.AreEqual(new byte[] { 5, 6, 3, 4, 1, 2 }, image);
    }
}
