using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class ImageDecoderTests
{
    private static readonly byte[] FourColours = [200, 40, 40, 40, 180, 60, 50, 60, 200, 220, 210, 60];

    [TestMethod]
    public void Decode_Jpeg_GivesItsColours()
    {
        using PixelImage image = Decode(Quadrants(SKEncodedImageFormat.Jpeg, 96, 64));

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
        using PixelImage image = Decode(TestImages.WithOrientation(Quadrants(SKEncodedImageFormat.Jpeg, 48, 32), orientation));

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
        using PixelImage image = Decode(PngWriter.Write(8, 8, PngWriter.Palette, 2, (x, y) => [(x / 4) + (2 * (y / 4))], palette: FourColours));

        TestImages.AssertQuadrants(image, 0);
    }

    [TestMethod]
    public void Decode_PngWithTransparentPaletteEntry_ShowsTheBackground()
    {
        using PixelImage image = Decode(PngWriter.Write(8, 8, PngWriter.Palette, 2, (x, y) => [(x / 4) + (2 * (y / 4))], palette: FourColours, transparency: [0, 255]));

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
        using PixelImage image = Decode(Quadrants(SKEncodedImageFormat.Webp, 96, 64));

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
        using PixelImage image = Decode(GifWriter.Write(12, 10, FourColours, (x, y) => (x / 6) + (2 * (y / 5)), (_, _) => 0));

        Assert.AreEqual((12, 10), (image.Width, image.Height));
        TestImages.AssertQuadrants(image, 0);
    }

    [TestMethod]
    public void Decode_MinimumShortSide_DecodesAJpegSmaller()
    {
        byte[] jpeg = Quadrants(SKEncodedImageFormat.Jpeg, 1200, 805);

        using PixelImage image = ImageDecoder.Decode(jpeg, "The image", minimumShortSide: 64);

        Assert.AreEqual((1200, 805), (image.OriginalWidth, image.OriginalHeight));
        Assert.IsTrue(image.Height < 805 && image.Height >= 64, $"{image.Height}");
        Assert.AreEqual(Math.Ceiling(1200 * image.Scale), image.Width);
        TestImages.AssertQuadrants(image, 3);
    }

    [TestMethod]
    public void Decode_MinimumShortSideAboveTheImages_DecodesWhole()
    {
        using PixelImage image = ImageDecoder.Decode(Quadrants(SKEncodedImageFormat.Jpeg, 60, 40), "The image", minimumShortSide: 224);

        Assert.AreEqual((60, 40), (image.Width, image.Height));
    }

    [TestMethod]
    public void Decode_ImageLargerThanTheLimit_ThrowsBeforeAllocating()
    {
        byte[] png = PngWriter.Claim(60000, 60000);
        long before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(png, "The image in row 3"));

        Assert.AreEqual(
            "The image in row 3 is too large: 60000 x 60000 are 3600000000 pixels, but at most 178956970 are allowed. Make the image smaller or raise the limit.",
            error.Message);
        Assert.IsTrue(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [TestMethod]
    public void Decode_LimitRaisedBeyondAnyArray_StillRefusesWhatCannotBeHeld()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(PngWriter.Claim(60000, 60000), "The image", long.MaxValue));

        StringAssert.Contains(error.Message, "is too large");
    }

    [TestMethod]
    public void Decode_ExactlyTheLimit_IsAllowed()
    {
        byte[] jpeg = Quadrants(SKEncodedImageFormat.Jpeg, 40, 30);

        using PixelImage image = ImageDecoder.Decode(jpeg, "The image", 1200);

        Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(jpeg, "The image", 1199));
    }

    [TestMethod]
    [DataRow("jpeg")]
    [DataRow("odd jpeg")]
    [DataRow("turned jpeg")]
    [DataRow("png")]
    [DataRow("interlaced png")]
    [DataRow("webp")]
    [DataRow("lossless webp")]
    [DataRow("bmp")]
    [DataRow("gif")]
    public void Decode_FileCutAnywhere_ThrowsOrHasEveryPixel(string kind)
    {
        byte[] whole = Noisy(kind);
        using PixelImage expected = Decode(whole);
        int thrown = 0;
        var random = new Random(1);
        int[] cuts = [1, 2, 3, 8, 20, 50, 100, whole.Length - 1, whole.Length - 2, whole.Length - 3, whole.Length - 10, .. Enumerable.Range(0, 60).Select(_ => random.Next(1, whole.Length))];
        foreach (int cut in cuts)
        {
            try
            {
                using PixelImage image = Decode(whole[..cut]);
                CollectionAssert.AreEqual(expected.Span.ToArray(), image.Span.ToArray(), $"{kind}, {cut} of {whole.Length} bytes, decoded to other pixels");
                Assert.IsTrue(cut > whole.Length * 0.97, $"{kind}, {cut} of {whole.Length} bytes, decoded");
            }
            catch (InvalidDataException error)
            {
                thrown++;
                StringAssert.Contains(error.Message, "The image cannot be decoded");
            }
        }

        Assert.IsTrue(thrown > 55, $"{kind}: {thrown} of {cuts.Length} cuts were noticed");
    }

    [TestMethod]
    public void Decode_TruncatedJpeg_SaysSo()
    {
        byte[] jpeg = Noisy("jpeg");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Decode(jpeg[..(jpeg.Length / 2)]));

        Assert.AreEqual(
            "The image cannot be decoded: it holds a JPEG image of 64 x 48 pixels, but its data end before the last pixel; the file is truncated or damaged. "
            + "Replace the image or remove it from the data.",
            error.Message);
    }

    [TestMethod]
    public void Decode_DamagedPng_Throws()
    {
        byte[] png = Noisy("png");
        png[png.Length / 2] ^= 0x5A;

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Decode(png));

        StringAssert.Contains(error.Message, "it holds a PNG image of 64 x 48 pixels, but ");
    }

    [TestMethod]
    public void Decode_FileOfZeros_IsNoImage()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Decode(new byte[4096]));

        StringAssert.Contains(error.Message, "it holds no known image format.");
    }

    [TestMethod]
    public void Decode_MemoryWithoutAnArray_Works()
    {
        byte[] padded = [1, 2, 3, .. Quadrants(SKEncodedImageFormat.Jpeg, 32, 32), 4, 5];

        using PixelImage image = ImageDecoder.Decode(padded.AsMemory(3, padded.Length - 5), "The image");

        TestImages.AssertQuadrants(image, 3);
    }

    [TestMethod]
    public void Decode_InParallel_GivesTheSamePixels()
    {
        string[] kinds = ["jpeg", "turned jpeg", "png", "webp", "bmp", "gif"];
        byte[][] files = [.. kinds.Select(Noisy)];
        byte[][] serial = [.. files.Select(file => { using PixelImage image = Decode(file); return image.Span.ToArray(); })];

        Parallel.For(0, 600, i =>
        {
            using PixelImage image = Decode(files[i % files.Length]);
            Assert.IsTrue(image.Span.SequenceEqual(serial[i % files.Length]), kinds[i % files.Length]);
        });
    }

    [TestMethod]
    public void DecodeFile_MissingFile_NamesIt()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".jpg");

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => ImageDecoder.DecodeFile(path));

        Assert.AreEqual($"Image file '{path}' does not exist. Check the path and the folder that relative paths start from.", error.Message);
        Assert.AreEqual(path, error.FileName);
    }

    [TestMethod]
    public void DecodeFile_MissingFolder_NamesThePath()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "a.jpg");

        var error = Assert.ThrowsExactly<DirectoryNotFoundException>(() => ImageDecoder.DecodeFile(path));

        StringAssert.StartsWith(error.Message, $"Image file '{path}' does not exist: a folder of its path is missing.");
    }

    [TestMethod]
    public void DecodeFile_Folder_SaysThatItIsOne()
    {
        string path = Path.GetTempPath();

        var error = Assert.ThrowsExactly<UnauthorizedAccessException>(() => ImageDecoder.DecodeFile(path));

        Assert.AreEqual($"Image file '{path}' is a folder. Expected an image file.", error.Message);
    }

    [TestMethod]
    public void DecodeFile_EmptyPath_SaysSo()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => ImageDecoder.DecodeFile(""));

        Assert.AreEqual("An image path is empty. Expected the path of an image file.", error.Message);
    }

    [TestMethod]
    public void DecodeFile_PathWithNullCharacter_IsNotFound()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => ImageDecoder.DecodeFile("a\0b.jpg"));

        StringAssert.EndsWith(error.Message, "this is not a valid path.");
    }

    [TestMethod]
    [DataRow("photo with spaces – žluťoučký 猫 😀.jpg")]
    [DataRow("UPPER.JPEG")]
    [DataRow("jpeg named.png")]
    public void DecodeFile_AnyName_DecodesByContent(string name)
    {
        string folder = Directory.CreateTempSubdirectory("resnet-images-").FullName;
        try
        {
            string path = Path.Combine(folder, name);
            File.WriteAllBytes(path, Quadrants(SKEncodedImageFormat.Jpeg, 32, 24));

            using PixelImage image = ImageDecoder.DecodeFile(path);

            TestImages.AssertQuadrants(image, 3);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [TestMethod]
    public void DecodeFile_EmptyFile_SaysSo()
    {
        string path = Path.GetTempFileName();
        try
        {
            var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.DecodeFile(path));

            Assert.AreEqual(
                $"Image file '{path}' cannot be decoded: it holds nothing: it is empty (0 bytes). Formats that work are JPEG, PNG, WebP, BMP, GIF. "
                + "Convert the image to one of them or remove it from the data.",
                error.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static PixelImage Decode(byte[] encoded) => ImageDecoder.Decode(encoded, "The image");

    private static byte[] Quadrants(SKEncodedImageFormat format, int width, int height) =>
        TestImages.Encode(format, width, height, (x, y) => TestImages.Quadrant(x, y, width, height));

    private static byte[] Noisy(string kind) => kind switch
    {
        "jpeg" => TestImages.Encode(SKEncodedImageFormat.Jpeg, 64, 48, TestImages.Noise),
        "odd jpeg" => TestImages.Encode(SKEncodedImageFormat.Jpeg, 61, 43, TestImages.Noise),
        "turned jpeg" => TestImages.WithOrientation(TestImages.Encode(SKEncodedImageFormat.Jpeg, 64, 48, TestImages.Noise), 6),
        "png" => PngWriter.Write(64, 48, PngWriter.Rgb, 8, Samples),
        "interlaced png" => PngWriter.Write(64, 48, PngWriter.Rgb, 8, Samples, interlaced: true),
        "webp" => TestImages.Encode(SKEncodedImageFormat.Webp, 64, 48, TestImages.Noise, 80),
        "lossless webp" => TestImages.Encode(SKEncodedImageFormat.Webp, 64, 48, TestImages.Noise, 100),
        "bmp" => TestImages.Bmp(64, 48, TestImages.Noise),
        _ => GifWriter.Write(64, 48, FourColours, (x, y) => TestImages.Noise(x, y).R & 3),
    };

    private static int[] Samples(int x, int y)
    {
        (byte r, byte g, byte b) = TestImages.Noise(x, y);
        return [r, g, b];
    }

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
