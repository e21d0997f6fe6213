using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

/// <summary>Images that are too large, cut, damaged or no images, and files that can't be opened.</summary>
[TestClass]
public sealed class ImageDecoderFaultsTests
{
    [TestMethod]
    public void Decode_ImageLargerThanTheLimit_ThrowsBeforeAllocating()
    {
        byte[] png = PngWriter.Claim(60000, 60000);
        long before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(png, "The image in row 3"));

        Assert.AreEqual(
            "The image in row 3 is too large: 60000 x 60000 are 3600000000 pixels, but at most 178956970 are allowed. Make the image smaller, or leave it out.",
            error.Message);
        Assert.IsTrue(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [TestMethod]
    [DataRow(1, 1_700_000)]
    [DataRow(1_000_001, 1)]
    public void Decode_PngLongerThanTheDecoderTakes_SaysHowLongItMayBe(int width, int height)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Decode(PngWriter.Write(width, height, PngWriter.Grey, 1, (_, _) => [0])));

        Assert.AreEqual(
            $"The image is too large: its header says {width} x {height} pixels, but a side of a PNG image may have at most 1000000. Make the image smaller, or leave it out.", error.Message);
    }

    [TestMethod]
    public void Decode_LongestSides_Work()
    {
        using PixelImage png = Decode(PngWriter.Write(1, 1_000_000, PngWriter.Grey, 1, (_, _) => [0]));
        using PixelImage bitmap = Decode(Bitmap(65_535));

        Assert.AreEqual(1_000_000, png.Height);
        Assert.AreEqual(65_535, bitmap.Height);
    }

    [TestMethod]
    public void Decode_BitmapLongerThanTheDecoderTakes_SaysHowLongItMayBe()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Decode(Bitmap(65_536)));

        Assert.AreEqual("The image is too large: its header says 1 x 65536 pixels, but a side of a BMP image may have at most 65535. Make the image smaller, or leave it out.", error.Message);
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
        byte[] jpeg = TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 40, 30);

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
        byte[] padded = [1, 2, 3, .. TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 32, 32), 4, 5];

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

        StringAssert.StartsWith(error.Message, $"Image file '{path}' does not exist: a folder of its path is missing or is a file.");
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
            File.WriteAllBytes(path, TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 32, 24));

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

    private static byte[] Bitmap(int height) => TestImages.Bmp(1, height, (_, _) => (1, 2, 3));

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
        _ => GifWriter.Write(64, 48, TestImages.FourColours, (x, y) => TestImages.Noise(x, y).R & 3),
    };

    private static int[] Samples(int x, int y)
    {
        (byte r, byte g, byte b) = TestImages.Noise(x, y);
        return [r, g, b];
    }
}
