using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

/// <summary>
/// A folder of odd images whose upright size and mean colour were read with Pillow and ImageMagick (<see cref="SharedData"/>,
/// <c>odd-images</c>).
/// </summary>
[TestClass]
public sealed class SharedImagesTests
{
    // A lossy format's decoders may differ by one; everything else is exact up to the mean's rounding to one decimal.
    private const double Lossy = 1;
    private const double Exact = 0.06;

    private static readonly Dictionary<string, Good> GoodImages = new()
    {
        ["baseline.jpg"] = new(96, 64, 127.8, 122.3, 90.3, Lossy),
        ["UPPER.JPEG"] = new(96, 64, 127.8, 122.3, 90.3, Lossy),
        ["photo with spaces – žluťoučký 猫 😀.jpg"] = new(96, 64, 127.8, 122.3, 90.3, Lossy),
        ["progressive.jpg"] = new(96, 64, 127.8, 122.3, 90.3, Lossy),
        ["420-odd-95x63.jpg"] = new(95, 63, 127.6, 121.3, 89.9, Lossy),
        ["gray.jpg"] = new(96, 64, 120.3, 120.3, 120.3, Lossy),
        ["cmyk.jpg"] = new(96, 64, 127.5, 122.5, 90.0, Lossy),
        ["exif-orientation-6.jpg"] = new(96, 64, 127.5, 122.5, 90.0, Lossy),
        ["rgb8.png"] = new(96, 64, 127.5, 122.5, 90.0, Exact),
        ["rgb16.png"] = new(96, 64, 127.5, 122.5, 90.0, Exact),
        // Composed on white: 227.39 in the first quadrant, rounded to 227.
        ["rgba.png"] = new(96, 64, 143.1, 160.5, 165.5, 0.15),
        ["lossy.webp"] = new(96, 64, 127.0, 122.7, 89.8, Lossy),
        ["lossless.webp"] = new(96, 64, 127.5, 122.5, 90.0, Exact),
        ["rgb24.bmp"] = new(96, 64, 127.5, 122.5, 90.0, Exact),
        ["still.gif"] = new(96, 64, 127.5, 122.5, 90.0, Exact),
        ["one-pixel.png"] = new(1, 1, 10, 200, 30, Exact),
        ["wide-8000x10.png"] = new(8000, 10, 127, 127, 127, 0.5),
        ["png-named.jpg"] = new(96, 64, 127.5, 122.5, 90.0, Lossy),
        ["jpeg-named.png"] = new(96, 64, 127.5, 122.5, 90.0, Lossy),
    };

    private static readonly Dictionary<string, string> BadImages = new()
    {
        ["rgb.tiff"] = "it holds a TIFF image. Formats that work are JPEG, PNG, WebP, BMP, GIF.",
        ["truncated-half.jpg"] = "it holds a JPEG image of 256 x 256 pixels, but its data end before the last pixel",
        ["truncated-header.jpg"] = "it holds a JPEG image",
        ["zero-bytes.jpg"] = "it holds nothing: it is empty (0 bytes).",
        ["text.jpg"] = "it holds text.",
    };

    [TestMethod]
    public void DecodeFile_OddImages_GivesTheGoodValues()
    {
        foreach (string path in OddImages())
        {
            string name = Path.GetFileName(path);
            if (!GoodImages.TryGetValue(name, out Good? good))
            {
                Assert.IsTrue(BadImages.ContainsKey(name), $"{name} is in the folder, but no test knows what it should give.");
                continue;
            }

            using PixelImage image = ImageDecoder.DecodeFile(path);
            Assert.AreEqual((good.Width, good.Height), (image.Width, image.Height), name);
            double[] means = [.. Enumerable.Range(0, 3).Select(c => Mean(image, c))];
            Assert.AreEqual(good.Red, means[0], good.Tolerance, $"{name}, red");
            Assert.AreEqual(good.Green, means[1], good.Tolerance, $"{name}, green");
            Assert.AreEqual(good.Blue, means[2], good.Tolerance, $"{name}, blue");
        }
    }

    [TestMethod]
    public void DecodeFile_TurnedOddImage_HasRedTopLeft()
    {
        using PixelImage image = ImageDecoder.DecodeFile(OddImages().Single(path => path.EndsWith("exif-orientation-6.jpg", StringComparison.Ordinal)));

        TestImages.AssertQuadrants(image, 3);
    }

    [TestMethod]
    public void DecodeFile_BadOddImages_TellsWhatIsWrong()
    {
        foreach (string path in OddImages().Where(path => BadImages.ContainsKey(Path.GetFileName(path))))
        {
            var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.DecodeFile(path), path);

            StringAssert.StartsWith(error.Message, $"Image file '{path}' cannot be decoded: ");
            StringAssert.Contains(error.Message, BadImages[Path.GetFileName(path)]);
        }
    }

    [TestMethod]
    public void LoadFile_OddImages_FillsTheInput()
    {
        var preprocessor = new ImagePreprocessor(224, 224, 256, ImageFit.ShortSideCrop);
        byte[] pixels = new byte[preprocessor.OutputLength];
        foreach (string path in OddImages().Where(path => GoodImages.ContainsKey(Path.GetFileName(path))))
        {
            preprocessor.LoadFile(path, pixels);
        }
    }

    private static string[] OddImages()
    {
        return [.. Directory.GetFiles(SharedData.Folder("odd-images")).Where(path => !path.EndsWith(".md", StringComparison.Ordinal))];
    }

    private static double Mean(PixelImage image, int channel)
    {
        double sum = 0;
        for (int i = channel; i < image.Span.Length; i += 3)
        {
            sum += image.Span[i];
        }

        return sum / (image.Width * image.Height);
    }

    private sealed record Good(int Width, int Height, double Red, double Green, double Blue, double Tolerance);
}
