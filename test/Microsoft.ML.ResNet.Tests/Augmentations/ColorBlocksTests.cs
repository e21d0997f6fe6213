using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

/// <summary>Operations on colours, of pictures whose pixels go through vectors, beside the same on single pixels, which don't.</summary>
[TestClass]
public sealed class ColorBlocksTests
{
    private delegate void Operation(ImageSpan<byte> image);

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.37f)]
    [DataRow(1.93f)]
    public void Saturation_AnyCount_EqualsThatOfSinglePixels(float factor) => AssertAsSinglePixels(image => Saturation.Apply(image, factor));

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.37f)]
    [DataRow(1.93f)]
    public void Brightness_AnyCount_EqualsThatOfSinglePixels(float factor) => AssertAsSinglePixels(image => ToneCurve.Brightness(image, factor));

    [TestMethod]
    [DataRow(-0.5f)]
    [DataRow(-0.021f)]
    [DataRow(0.3f)]
    public void Hue_AnyCount_EqualsThatOfSinglePixels(float turn) => AssertAsSinglePixels(image => Hue.Apply(image, turn));

    [TestMethod]
    public void Mean_AnyCount_IsThatOfSinglePixels()
    {
        for (int count = 1; count <= 100; count++)
        {
            byte[] pixels = Pixels(count);
            double expected = Enumerable.Range(0, count).Average(i => Luma.Mean(Image(pixels.AsSpan(3 * i, 3), 1)));

            Assert.AreEqual(expected, Luma.Mean(Image(pixels, count)), 1e-9);
        }
    }

    [TestMethod]
    public void Mean_MorePixelsThanASumOfIntegersHolds_IsRight()
    {
        const int side = 4096;
        byte[] white = new byte[side * side * 3];
        white.AsSpan().Fill(255);

        Assert.AreEqual(255.0, Luma.Mean(new ImageSpan<byte>(white, side, side, 3, 255)));
    }

    private static void AssertAsSinglePixels(Operation operation)
    {
        for (int count = 1; count <= 100; count++)
        {
            byte[] expected = Pixels(count), actual = Pixels(count);
            for (int i = 0; i < count; i++)
            {
                operation(Image(expected.AsSpan(3 * i, 3), 1));
            }

            operation(Image(actual, count));

            Assert.IsTrue(expected.AsSpan().SequenceEqual(actual), $"{count} pixels");
        }
    }

    /// <summary>Greys, pure colours, and any.</summary>
    private static byte[] Pixels(int count)
    {
        byte[] pixels = new byte[3 * count];
        new Random(count).NextBytes(pixels);
        for (int i = 0; i < count; i += 5)
        {
            pixels.AsSpan(3 * i, 3).Fill(pixels[3 * i]);
        }

        for (int i = 3; i < count; i += 7)
        {
            pixels[(3 * i) + (i % 3)] = (byte)(i % 2 * 255);
        }

        return pixels;
    }

    private static ImageSpan<byte> Image(Span<byte> pixels, int count) => new(pixels, count, 1, 3, 255);
}
