using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class PixelImageTests
{
    [TestMethod]
    [DataRow(MLPixelFormat.Rgba32)]
    [DataRow(MLPixelFormat.Bgra32)]
    public void FromMLImage_EitherFormat_GivesRgb(MLPixelFormat format)
    {
        byte[] pixels = format == MLPixelFormat.Rgba32 ? [1, 2, 3, 255, 4, 5, 6, 255] : [3, 2, 1, 255, 6, 5, 4, 255];
        using MLImage source = MLImage.CreateFromPixels(2, 1, format, pixels);

        using PixelImage image = PixelImage.FromMLImage(source);

        CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 5, 6 }, image.Span.ToArray());
        // The caller's image is as it was.
        CollectionAssert.AreEqual(pixels, source.Pixels.ToArray());
        Assert.AreEqual((2, 1), (source.Width, source.Height));
    }

    [TestMethod]
    public void FromMLImage_LoadedWithAlpha_IsComposedOnWhite()
    {
        byte[] png = PngWriter.Write(4, 4, PngWriter.Rgba, 8, (_, _) => [200, 40, 0, 128]);
        using MLImage source = MLImage.CreateFromStream(new MemoryStream(png));

        using PixelImage image = PixelImage.FromMLImage(source);

        // 128/255 of the colour and 127/255 of 255; MLImage has rounded once already.
        TestImages.AssertNear((227, 147, 127), TestImages.At(image, 1, 1), 1);
    }

    [TestMethod]
    public void FromMLImage_NotMultipliedByAlpha_DoesNotWrapAround()
    {
        using MLImage source = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Rgba32, [200, 100, 0, 10]);

        using PixelImage image = PixelImage.FromMLImage(source);

        CollectionAssert.AreEqual(new byte[] { 255, 255, 245 }, image.Span.ToArray());
    }

    [TestMethod]
    public void FromPixels_WrongLength_TellsBoth()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => PixelImage.FromPixels(new byte[5], 2, 1));

        StringAssert.Contains(error.Message, "2 x 1 pixels of 3 bytes are 6 bytes, but 5 were given.");
    }

    [TestMethod]
    public void Dispose_Twice_ReturnsTheBufferOnce()
    {
        var image = new PixelImage(4, 4);
        image.Dispose();
        image.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => image.Span.Length);
    }
}
