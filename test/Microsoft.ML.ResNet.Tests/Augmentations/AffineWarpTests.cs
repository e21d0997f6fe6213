using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class AffineWarpTests
{
    private readonly AugmentationScratch _scratch = new();

    [TestMethod]
    public void Apply_Translation_MovesWholePixelsAndFillsWithBlack()
    {
        byte[] image = [1, 2, 3, 4, 5, 6];

        AffineWarp.Translation(1, -1).Apply(TestPicture.Span(image, 3, 2, 1), _scratch);

        CollectionAssert.AreEqual(new byte[] { 0, 4, 5, 0, 0, 0 }, image);
    }

    [TestMethod]
    public void Apply_TranslationByHalfAPixel_TakesTheMeanOfNeighbours()
    {
        float[] image = [10, 20, 40];

        AffineWarp.Translation(-0.5, 0).Apply(new ImageSpan<float>(image, 3, 1, 1, 0), _scratch);

        // The last pixel's centre lies on the image's edge, which is outside.
        CollectionAssert.AreEqual(new float[] { 15, 30, 0 }, image);
    }

    [TestMethod]
    public void Apply_RotationByHalfATurn_ReversesThePixels()
    {
        byte[] image = [1, 2, 3, 4, 5, 6];

        AffineWarp.Rotation(180, 3, 2).Apply(TestPicture.Span(image, 3, 2, 1), _scratch);

        CollectionAssert.AreEqual(new byte[] { 6, 5, 4, 3, 2, 1 }, image);
    }

    [TestMethod]
    public void Apply_RotationByAQuarter_IsCounterclockwise()
    {
        byte[] image = [1, 2, 3, 4];

        AffineWarp.Rotation(90, 2, 2).Apply(TestPicture.Span(image, 2, 2, 1), _scratch);

        CollectionAssert.AreEqual(new byte[] { 2, 4, 1, 3 }, image);
    }
}
