using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class ImageDecoderTests
{
    [TestMethod]
    public void Decode_Jpeg_GivesItsColours()
    {
        using PixelImage image = Decode(TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 96, 64));

        Assert.AreEqual((96, 64), (image.Width, image.Height));
        TestImages.AssertQuadrants(image, 2);
    }

    [TestMethod]
    [DataRow(95, 63)]
    [DataRow(17, 9)]
    [DataRow(1, 1)]
    [DataRow(1, 40)]
    [DataRow(333, 3)]
    public void Decode_JpegOfOddSize_KeepsTheSize(int width, int height)
    {
        using PixelImage image = Decode(TestImages.Encode(SKEncodedImageFormat.Jpeg, width, height, (_, _) => TestImages.Red));

        Assert.AreEqual((width, height), (image.Width, image.Height));
        Assert.AreEqual(width * height * 3, image.Span.Length);
        TestImages.AssertNear(TestImages.Red, TestImages.At(image, width - 1, height - 1), 2);
    }

    [TestMethod]
    public void Decode_GreyJpeg_RepeatsTheGrey()
    {
        byte[] grey = new byte[32 * 16];
        grey.AsSpan().Fill(93);
        using var bitmap = new SKBitmap(new SKImageInfo(32, 16, SKColorType.Gray8, SKAlphaType.Opaque));
        System.Runtime.InteropServices.Marshal.Copy(grey, 0, bitmap.GetPixels(), grey.Length);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);

        using PixelImage image = Decode(data.ToArray());

        TestImages.AssertNear((93, 93, 93), TestImages.At(image, 20, 10), 1);
    }

    [TestMethod]
    public void Decode_CmykJpeg_MultipliesByBlack()
    {
        using PixelImage image = Decode(TestImages.CmykJpeg);

        // R = (255 - C)(255 - K) / 255 of (30, 120, 200, 60), as Pillow and ImageMagick.
        TestImages.AssertNear((172, 103, 42), TestImages.At(image, 4, 4), 1);
    }

    [TestMethod]
    public void Decode_YcckJpeg_ConvertsToCmykFirst()
    {
        // The same stored values with Adobe's transform 2: Y, Cb, Cr = 225, 135, 55 are R, G, B = 123, 255 and 237 (all clipped to
        // 0..255), which libjpeg stores as C, M, Y = 255 - RGB; inverted again and times the stored black of 195 / 255.
        byte[] ycck = TestImages.CmykJpeg;
        int adobe = ycck.AsSpan().IndexOf("Adobe"u8);
        ycck[adobe + 11] = 2;

        using PixelImage image = Decode(ycck);

        TestImages.AssertNear(
            ((byte)((255 - 123) * 195 / 255), 0, (byte)((255 - 237) * 195 / 255)),
            TestImages.At(image, 4, 4), 2);
    }

    [TestMethod]
    // Stored 20 x 10, left half red, right half blue. Where the red half and the size end up for each EXIF orientation.
    [DataRow(1, 20, 10, "left")]
    [DataRow(2, 20, 10, "right")]
    [DataRow(3, 20, 10, "right")]
    [DataRow(4, 20, 10, "left")]
    [DataRow(5, 10, 20, "top")]
    [DataRow(6, 10, 20, "top")]
    [DataRow(7, 10, 20, "bottom")]
    [DataRow(8, 10, 20, "bottom")]
    public void Decode_ExifOrientation_TurnsUpright(int orientation, int width, int height, string red)
    {
        byte[] jpeg = TestImages.Encode(SKEncodedImageFormat.Jpeg, 20, 10, (x, _) => x < 10 ? ((byte)255, (byte)0, (byte)0) : ((byte)0, (byte)0, (byte)255), 100);

        using PixelImage image = Decode(TestImages.WithOrientation(jpeg, orientation));

        Assert.AreEqual((width, height), (image.Width, image.Height));
        (int x, int y) = red switch
        {
            "left" => (2, 5),
            "right" => (width - 3, 5),
            "top" => (5, 2),
            _ => (5, height - 3),
        };
        (byte R, byte G, byte B) redPixel = TestImages.At(image, x, y);
        (byte R, byte G, byte B) bluePixel = TestImages.At(image, width - 1 - x, height - 1 - y);
        Assert.IsTrue(redPixel is { R: > 200, B: < 60 } && bluePixel is { R: < 60, B: > 200 }, $"{redPixel} {bluePixel}");
    }

    [TestMethod]
    // Corners of the upright image for each orientation, the stored one being red, green / blue, yellow.
    [DataRow(1, "RGBY")]
    [DataRow(2, "GRYB")]
    [DataRow(3, "YBGR")]
    [DataRow(4, "BYRG")]
    [DataRow(5, "RBGY")]
    [DataRow(6, "BRYG")]
    [DataRow(7, "YGBR")]
    [DataRow(8, "GYRB")]
    public void Decode_ExifOrientation_PutsEveryCornerRight(int orientation, string corners)
    {
        using PixelImage image = Decode(TestImages.WithOrientation(TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 48, 32), orientation));

        int right = image.Width - 8;
        int bottom = image.Height - 8;
        (byte R, byte G, byte B)[] actual = [TestImages.At(image, 7, 7), TestImages.At(image, right, 7), TestImages.At(image, 7, bottom), TestImages.At(image, right, bottom)];
        for (int i = 0; i < 4; i++)
        {
            (byte R, byte G, byte B) expected = corners[i] switch { 'R' => TestImages.Red, 'G' => TestImages.Green, 'B' => TestImages.Blue, _ => TestImages.Yellow };
            TestImages.AssertNear(expected, actual[i], 3, $"corner {i}");
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Decode_PngOf8Bits_IsExact(bool interlaced)
    {
        using PixelImage image = Decode(PngWriter.Write(19, 13, PngWriter.Rgb, 8, Rgb, interlaced));

        AssertAll(image, (x, y) => ((byte)(x * 9), (byte)(y * 11), (byte)(x + y)));

        static int[] Rgb(int x, int y) => [(byte)(x * 9), (byte)(y * 11), (byte)(x + y)];
    }

    [TestMethod]
    public void Decode_PngOf16Bits_TakesTheHighByte()
    {
        using PixelImage image = Decode(PngWriter.Write(16, 4, PngWriter.Rgb, 16, (x, y) => [x * 16 * 257, y * 50 * 257, 200 * 257]));

        AssertAll(image, (x, y) => ((byte)(x * 16), (byte)(y * 50), 200));
    }

    [TestMethod]
    public void Decode_PngOf1Bit_IsBlackAndWhite()
    {
        using PixelImage image = Decode(PngWriter.Write(13, 5, PngWriter.Grey, 1, (x, y) => [(x + y) & 1]));

        AssertAll(image, (x, y) => ((x + y) & 1) == 0 ? ((byte)0, (byte)0, (byte)0) : ((byte)255, (byte)255, (byte)255));
    }

    [TestMethod]
    public void Decode_PngWithPalette_LooksTheColoursUp()
    {
        using PixelImage image = Decode(PngWriter.Write(8, 8, PngWriter.Palette, 2, (x, y) => [(x / 4) + (2 * (y / 4))], palette: TestImages.FourColours));

        TestImages.AssertQuadrants(image, 0);
    }

    [TestMethod]
    public void Decode_PngWithTransparentPaletteEntry_ShowsTheBackground()
    {
        using PixelImage image = Decode(PngWriter.Write(8, 8, PngWriter.Palette, 2, (x, y) => [(x / 4) + (2 * (y / 4))], palette: TestImages.FourColours, transparency: [0, 255]));

        Assert.AreEqual((255, 255, 255), TestImages.At(image, 1, 1));
        Assert.AreEqual(TestImages.Green, TestImages.At(image, 6, 1));
    }

    [TestMethod]
    public void Decode_PngWithAlpha_IsComposedOnWhiteWithoutRoundingTwice()
    {
        using PixelImage image = Decode(PngWriter.Write(256, 3, PngWriter.Rgba, 8, (x, y) => [200, 40, (byte)(x ^ 85), x]));

        // out = a c + (1 - a) 255, rounded to nearest.
        AssertAll(image, (x, _) => (Compose(200, x), Compose(40, x), Compose(x ^ 85, x)));

        static byte Compose(int colour, int alpha) => (byte)Math.Floor(((alpha * colour) + ((255 - alpha) * 255)) / 255.0 + 0.5);
    }

    [TestMethod]
    public void Decode_GreyPngWithAlpha_IsComposedOnWhite()
    {
        using PixelImage image = Decode(PngWriter.Write(4, 4, PngWriter.GreyAlpha, 8, (_, _) => [100, 51]));

        // 0.2 * 100 + 0.8 * 255 = 224
        Assert.AreEqual((224, 224, 224), TestImages.At(image, 2, 2));
    }

    [TestMethod]
    public void Decode_WebP_GivesItsColours()
    {
        using PixelImage image = Decode(TestImages.EncodeQuadrants(SKEncodedImageFormat.Webp, 96, 64));

        Assert.AreEqual((96, 64), (image.Width, image.Height));
        TestImages.AssertQuadrants(image, 6);
    }

    [TestMethod]
    public void Decode_Bmp_IsExact()
    {
        using PixelImage image = Decode(TestImages.Bmp(31, 22, (x, y) => TestImages.Quadrant(x, y, 31, 22)));

        AssertAll(image, (x, y) => TestImages.Quadrant(x, y, 31, 22));
    }

    [TestMethod]
    public void Decode_AnimatedGif_GivesTheFirstFrame()
    {
        using PixelImage image = Decode(GifWriter.Write(12, 10, TestImages.FourColours, (x, y) => (x / 6) + (2 * (y / 5)), (_, _) => 0));

        Assert.AreEqual((12, 10), (image.Width, image.Height));
        TestImages.AssertQuadrants(image, 0);
    }

    [TestMethod]
    public void Decode_MinimumShortSide_DecodesAJpegSmaller()
    {
        byte[] jpeg = TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 1200, 805);

        using PixelImage image = ImageDecoder.Decode(jpeg, "The image", minimumShortSide: 64);

        Assert.AreEqual((1200, 805), (image.OriginalWidth, image.OriginalHeight));
        Assert.IsTrue(image.Height < 805 && image.Height >= 64, $"{image.Height}");
        Assert.AreEqual(Math.Ceiling(1200 * image.Scale), image.Width);
        TestImages.AssertQuadrants(image, 3);
    }

    [TestMethod]
    public void Decode_MinimumShortSideAboveTheImages_DecodesWhole()
    {
        using PixelImage image = ImageDecoder.Decode(TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 60, 40), "The image", minimumShortSide: 224);

        Assert.AreEqual((60, 40), (image.Width, image.Height));
    }

    private static PixelImage Decode(byte[] encoded) => ImageDecoder.Decode(encoded, "The image");

    private static void AssertAll(PixelImage image, Func<int, int, (byte R, byte G, byte B)> expected)
    {
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                Assert.AreEqual(expected(x, y), TestImages.At(image, x, y), $"{x}, {y}");
            }
        }
    }
}
