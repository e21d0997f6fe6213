using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class ImageGeometryTests
{
    [TestMethod]
    // torchvision: short side to 256, long side int(256 * long / short).
    [DataRow(500, 375, 256, 341L, 256L)]
    [DataRow(375, 500, 256, 256L, 341L)]
    [DataRow(8000, 10, 256, 204800L, 256L)]
    [DataRow(1, 1, 256, 256L, 256L)]
    [DataRow(333, 500, 256, 256L, 384L)]
    public void ResizeShortSide_AnyShape_TruncatesTheLongSide(int width, int height, int shortSide, long expectedWidth, long expectedHeight)
    {
        Assert.AreEqual((expectedWidth, expectedHeight), ImageGeometry.ResizeShortSide(width, height, shortSide));
    }

    [TestMethod]
    // (341 - 224) / 2 = 58.5 and (343 - 224) / 2 = 59.5: Python rounds halves to even, 58 and 60.
    [DataRow(500, 375, 58, 341)]
    [DataRow(503, 375, 60, 343)]
    [DataRow(512, 384, 58, 341)]
    [DataRow(256, 256, 16, 256)]
    public void Place_ShortSideCrop_TakesTorchvisionsCentre(int width, int height, int left, int resizedWidth)
    {
        ImagePlacement placement = ImageGeometry.Place(width, height, 224, 224, 256, ImageFit.ShortSideCrop);

        double step = width / (double)resizedWidth;
        Assert.AreEqual(left * step, placement.Source.X, 1e-9);
        Assert.AreEqual(224 * step, placement.Source.Width, 1e-9);
        Assert.AreEqual(16 * height / 256.0, placement.Source.Y, 1e-9);
        Assert.AreEqual((0, 0, 224, 224), (placement.X, placement.Y, placement.Width, placement.Height));
    }

    [TestMethod]
    public void Place_ExtremeAspectRatio_NeedsOnlyTheBoxOfTheCrop()
    {
        ImagePlacement placement = ImageGeometry.Place(8000, 10, 224, 224, 256, ImageFit.ShortSideCrop);

        // 224 of 204800 columns are 8.75 of 8000.
        Assert.AreEqual(8.75, placement.Source.Width, 1e-9);
        Assert.AreEqual(8.75, placement.Source.Height, 1e-9);
        Assert.AreEqual(4000, placement.Source.X + (placement.Source.Width / 2), 1e-9);
    }

    [TestMethod]
    [DataRow(100, 100, 320, 224, 256)]
    [DataRow(500, 375, 224, 500, 256)]
    [DataRow(1, 1, 300, 300, 224)]
    [DataRow(7, 5000, 300, 200, 100)]
    public void Place_CropLargerThanTheResizedImage_StaysInsideTheImage(int width, int height, int targetWidth, int targetHeight, int shortSide)
    {
        ImageBox box = ImageGeometry.Place(width, height, targetWidth, targetHeight, shortSide, ImageFit.ShortSideCrop).Source;

        Assert.IsTrue(box.X >= 0 && box.Y >= 0 && box.X + box.Width <= width + 1e-9 && box.Y + box.Height <= height + 1e-9, $"{box}");
    }

    [TestMethod]
    public void Place_Stretch_TakesTheWholeImage()
    {
        Assert.AreEqual(
            new ImagePlacement(new(0, 0, 500, 375), 0, 0, 224, 192),
            ImageGeometry.Place(500, 375, 224, 192, 256, ImageFit.Stretch));
    }

    [TestMethod]
    [DataRow(400, 200, 0, 56, 224, 112)]
    [DataRow(200, 400, 56, 0, 112, 224)]
    [DataRow(8000, 10, 0, 111, 224, 1)]
    [DataRow(1, 1, 0, 0, 224, 224)]
    public void Place_Pad_CentresTheWholeImage(int width, int height, int x, int y, int fittedWidth, int fittedHeight)
    {
        Assert.AreEqual(
            new ImagePlacement(new(0, 0, width, height), x, y, fittedWidth, fittedHeight),
            ImageGeometry.Place(width, height, 224, 224, 256, ImageFit.Pad));
    }

    [TestMethod]
    // Short side 256 of 375, 300, 600, 1200, 2400, 100000 and 256; enlarged.
    [DataRow(256.0 / 375, 6)]
    [DataRow(256.0 / 300, 8)]
    [DataRow(256.0 / 600, 5)]
    [DataRow(256.0 / 1200, 3)]
    [DataRow(256.0 / 2400, 2)]
    [DataRow(256.0 / 100000, 1)]
    [DataRow(1.0, 8)]
    [DataRow(25.6, 8)]
    public void DecodingEighths_AnyScale_LeavesAMargin(double scale, int expected)
    {
        Assert.AreEqual(expected, ImageGeometry.DecodingEighths(scale));
    }

    [TestMethod]
    public void Place_UnknownFit_NamesTheEnum()
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ImageGeometry.Place(1, 1, 1, 1, 1, (ImageFit)9));

        StringAssert.Contains(error.Message, "Expected a value of ImageFit.");
    }
}
