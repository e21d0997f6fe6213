using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class BoxResamplerTests
{
    // torchvision's resize of an image rounds after each of its two passes, this one once.
    private const int Tolerance = 1;

    private static readonly CropBox Large = new(1, 0, 11, 9), Small = new(3, 2, 4, 3);

    [TestMethod]
    public void Resize_SmallerTarget_EqualsTorchvisionsResizedCrop() => TestPicture.AreEqual(GoldenAugmentations.Shrunk, Resize(3, Large, 4, 5), Tolerance);

    [TestMethod]
    public void Resize_LargerTarget_EqualsTorchvisionsResizedCrop() => TestPicture.AreEqual(GoldenAugmentations.Enlarged, Resize(3, Small, 8, 7), Tolerance);

    [TestMethod]
    public void Resize_OneChannel_EqualsTorchvisionsResizedCrop() => TestPicture.AreEqual(GoldenAugmentations.ShrunkGrey, Resize(1, Large, 4, 5), Tolerance);

    [TestMethod]
    public void Resize_Floats_EqualsPillow()
    {
        float[] target = new float[6];

        BoxResampler.Resize<float>(TestPicture.Floats(12, 10, 1, 255), 12, Large, new ImageSpan<float>(target, 3, 2, 1, 255), new AugmentationScratch());

        // resized_crop of the same image in Pillow's mode F, to 3 x 2.
        float[] expected = [130.7972f, 133.4631f, 126.9453f, 128.2909f, 119.5428f, 138.7376f];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], target[i], 1e-3f);
        }
    }

    [TestMethod]
    public void Resize_SizeOfTheBox_CopiesIt()
    {
        byte[] source = TestPicture.Bytes(12, 10, 3), actual = Resize(3, Small, Small.Width, Small.Height);

        for (int y = 0; y < Small.Height; y++)
        {
            CollectionAssert.AreEqual(
                source[((((Small.Top + y) * 12) + Small.Left) * 3)..][..(Small.Width * 3)], actual[(y * Small.Width * 3)..][..(Small.Width * 3)]);
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(5)]
    public void Resize_WhiteImageOfAnySize_StaysWhite(int channels)
    {
        // The weights of a pixel add up to 1, but for the last place: 255 must not become 0 or 254.
        var scratch = new AugmentationScratch();
        foreach (var (width, height) in ((int, int)[])[(1, 1), (1, 40), (40, 1), (33, 17), (200, 150)])
        {
            byte[] source = [.. Enumerable.Repeat((byte)255, width * height * channels)], target = new byte[31 * 23 * channels];
            BoxResampler.Resize<byte>(source, width, new CropBox(0, 0, width, height), new ImageSpan<byte>(target, 31, 23, channels, 255), scratch);
            Assert.IsTrue(target.All(value => value == 255), $"{width} x {height}");
        }
    }

    private static byte[] Resize(int channels, CropBox box, int width, int height)
    {
        byte[] target = new byte[width * height * channels];
        BoxResampler.Resize<byte>(TestPicture.Bytes(12, 10, channels), 12, box, TestPicture.Span(target, width, height, channels), new AugmentationScratch());
        return target;
    }
}
