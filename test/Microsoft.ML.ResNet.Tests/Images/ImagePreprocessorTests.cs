using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class ImagePreprocessorTests
{
    [TestMethod]
    [DataRow(SKEncodedImageFormat.Jpeg, 500, 375, 1)]
    [DataRow(SKEncodedImageFormat.Jpeg, 300, 700, 1)]
    [DataRow(SKEncodedImageFormat.Jpeg, 3001, 1250, 6)]
    [DataRow(SKEncodedImageFormat.Jpeg, 301, 233, 6)]
    [DataRow(SKEncodedImageFormat.Jpeg, 640, 481, 3)]
    [DataRow(SKEncodedImageFormat.Jpeg, 640, 481, 5)]
    [DataRow(SKEncodedImageFormat.Jpeg, 481, 640, 7)]
    [DataRow(SKEncodedImageFormat.Jpeg, 481, 640, 8)]
    public void Load_PartOfAJpeg_EqualsTheWholeDecoded(SKEncodedImageFormat format, int width, int height, int orientation)
    {
        byte[] jpeg = TestImages.WithOrientation(TestImages.Encode(format, width, height, Smooth), orientation);
        var preprocessor = new ImagePreprocessor(224, 224, 256, ImageFit.ShortSideCrop) { AllowScaledDecoding = false };
        byte[] expected = new byte[preprocessor.OutputLength];
        byte[] actual = new byte[preprocessor.OutputLength];
        using (PixelImage whole = ImageDecoder.Decode(jpeg, "The image"))
        {
            preprocessor.Load(whole, expected);
        }

        preprocessor.Load(jpeg, "The image", actual);

        CollectionAssert.AreEqual(expected, actual);
    }

    [TestMethod]
    [DataRow(1600, 1203, 1)]
    [DataRow(1203, 1600, 3)]
    [DataRow(1611, 1203, 6)]
    [DataRow(1613, 1207, 7)]
    public void Load_JpegDecodedSmaller_LooksTheSame(int width, int height, int orientation)
    {
        byte[] jpeg = TestImages.WithOrientation(TestImages.Encode(SKEncodedImageFormat.Jpeg, width, height, Smooth), orientation);
        byte[] whole = Load(jpeg, ImageFit.ShortSideCrop, allowScaled: false);

        byte[] scaled = Load(jpeg, ImageFit.ShortSideCrop, allowScaled: true);

        // Measured 0.50, of which rounding is most; a shift by a tenth of a pixel of the input would be more than 2.
        Assert.IsTrue(MeanDifference(whole, scaled) < 0.7, $"{MeanDifference(whole, scaled)}");
    }

    [TestMethod]
    public void Load_ExifOrientation6_IsUpright()
    {
        byte[] jpeg = TestImages.Encode(SKEncodedImageFormat.Jpeg, 20, 10, (x, _) => x < 10 ? ((byte)255, (byte)0, (byte)0) : ((byte)0, (byte)0, (byte)255), 100);
        var preprocessor = new ImagePreprocessor(10, 20, 10, ImageFit.ShortSideCrop);
        byte[] pixels = new byte[preprocessor.OutputLength];

        preprocessor.Load(TestImages.WithOrientation(jpeg, 6), "The image", pixels);

        Assert.IsTrue(pixels[((2 * 10) + 5) * 3] > 200 && pixels[(((17 * 10) + 5) * 3) + 2] > 200);
    }

    [TestMethod]
    public void Load_Pad_FillsWithTheBackground()
    {
        byte[] pixels = Load(TestImages.Encode(SKEncodedImageFormat.Png, 40, 20, (_, _) => TestImages.Red), ImageFit.Pad);

        for (int y = 0; y < 224; y++)
        {
            (byte R, byte G, byte B) expected = y is >= 56 and < 168 ? TestImages.Red : ((byte)255, (byte)255, (byte)255);
            int at = ((y * 224) + 100) * 3;
            Assert.AreEqual(expected, (pixels[at], pixels[at + 1], pixels[at + 2]), $"row {y}");
        }
    }

    [TestMethod]
    public void Load_Stretch_ShowsEveryCorner()
    {
        byte[] pixels = Load(TestImages.Encode(SKEncodedImageFormat.Png, 300, 20, (x, y) => TestImages.Quadrant(x, y, 300, 20)), ImageFit.Stretch);

        using PixelImage image = PixelImage.FromPixels(pixels, 224, 224);
        TestImages.AssertQuadrants(image, 0);
    }

    [TestMethod]
    [DataRow(8000, 10)]
    [DataRow(10, 8000)]
    [DataRow(1, 1)]
    [DataRow(1, 5000)]
    public void Load_ExtremeShape_FillsTheInput(int width, int height)
    {
        byte[] png = TestImages.Encode(SKEncodedImageFormat.Png, width, height, (_, _) => TestImages.Green);
        foreach (ImageFit fit in new[] { ImageFit.ShortSideCrop, ImageFit.Stretch })
        {
            byte[] pixels = Load(png, fit);

            for (int i = 0; i < pixels.Length; i += 3)
            {
                Assert.AreEqual(TestImages.Green, (pixels[i], pixels[i + 1], pixels[i + 2]));
            }
        }
    }

    [TestMethod]
    public void Load_JpegCutBelowTheCrop_StillThrows()
    {
        // Portrait: the crop ends long before the file does.
        byte[] jpeg = TestImages.Encode(SKEncodedImageFormat.Jpeg, 300, 900, TestImages.Noise);
        var preprocessor = new ImagePreprocessor(224, 224, 256, ImageFit.ShortSideCrop);
        byte[] pixels = new byte[preprocessor.OutputLength];

        var error = Assert.ThrowsExactly<InvalidDataException>(() => preprocessor.Load(jpeg.AsMemory(0, jpeg.Length * 9 / 10), "The image in row 8", pixels));

        StringAssert.StartsWith(error.Message, "The image in row 8 cannot be decoded: it holds a JPEG image of 300 x 900 pixels, but its data end before the last pixel");
    }

    [TestMethod]
    public void Load_DestinationTooSmall_TellsBothSizes()
    {
        using var image = new PixelImage(4, 4);

        var error = Assert.ThrowsExactly<ArgumentException>(() => new ImagePreprocessor(2, 2, 2, ImageFit.Stretch).Load(image, new byte[11]));

        StringAssert.Contains(error.Message, "2 x 2 pixels are 12 bytes, but the destination has 11.");
    }

    [TestMethod]
    public void LoadFile_MissingFile_NamesIt()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => new ImagePreprocessor(2, 2, 2, ImageFit.Stretch).LoadFile("no such file.jpg", new byte[12]));

        StringAssert.StartsWith(error.Message, "Image file 'no such file.jpg' does not exist.");
    }

    private static byte[] Load(byte[] encoded, ImageFit fit, bool allowScaled = true)
    {
        var preprocessor = new ImagePreprocessor(224, 224, 256, fit) { AllowScaledDecoding = allowScaled };
        byte[] pixels = new byte[preprocessor.OutputLength];
        preprocessor.Load(encoded, "The image", pixels);
        return pixels;
    }

    private static double MeanDifference(byte[] left, byte[] right) => left.Zip(right, (a, b) => Math.Abs(a - b)).Average();

    // Waves of about 40 pixels: detail that a shift would show, and no more than JPEG keeps.
    private static (byte R, byte G, byte B) Smooth(int x, int y) =>
        ((byte)(128 + (100 * Math.Sin(x / 6.0))), (byte)(128 + (100 * Math.Sin(y / 7.0))), (byte)(128 + (100 * Math.Sin((x + y) / 9.0))));
}
