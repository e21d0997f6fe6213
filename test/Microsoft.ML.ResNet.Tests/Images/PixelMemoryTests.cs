using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class PixelMemoryTests
{
    /// <summary>A pool would keep 160 MB for the next such picture, which may never come.</summary>
    [TestMethod]
    public void Decode_LargePicture_LeavesNothingInTheHeap()
    {
        byte[] png = TestImages.Encode(SKEncodedImageFormat.Png, 5000, 5000, (x, y) => x < 2500 ? TestImages.Red : TestImages.Blue);
        var preprocessor = new ImagePreprocessor(32, 32, 32, ImageFit.Stretch);
        byte[] target = new byte[32 * 32 * 3];
        preprocessor.Load(TestImages.EncodeQuadrants(SKEncodedImageFormat.Png, 8, 8), "The image", target);
        long before = GC.GetAllocatedBytesForCurrentThread();

        preprocessor.Load(png, "The image", target);

        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
        CollectionAssert.AreEqual(new byte[] { TestImages.Red.R, TestImages.Red.G, TestImages.Red.B }, target[..3]);
        CollectionAssert.AreEqual(new byte[] { TestImages.Blue.R, TestImages.Blue.G, TestImages.Blue.B }, target[^3..]);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(PixelMemory.LongestPooled)]
    [DataRow(PixelMemory.LongestPooled + 1)]
    public void Span_AnyLength_IsExactlyThatUntilItIsDisposed(int length)
    {
        var memory = new PixelMemory(length);
        memory.Span.Fill(7);

        Assert.AreEqual(length, memory.Span.Length);
        Assert.AreEqual(7, memory.Span[^1]);
        memory.Dispose();
        memory.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => _ = memory.Span.Length);
    }
}
