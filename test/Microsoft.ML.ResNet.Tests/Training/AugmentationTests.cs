using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class AugmentationTests
{
    private static byte[] s_unused = [];

    [TestMethod]
    public void CropAtRandom_ImageOfTheInputsSize_MovesWithinTheBorderAndMirrors()
    {
        PixelCache cache = Numbered(width: 4, height: 4);
        HashSet<string> seen = [];
        for (int row = 0; row < 2000; row++)
        {
            byte[] crop = new byte[16];
            new Augmentation(CropPadding: 1, HorizontalFlip: true).CropAtRandom(First(cache), Format(4, 4), 1, SplitMix64.ForRow(1, 1, row, RandomStream.Crop), crop);
            seen.Add(string.Join(",", crop));
        }

        // Nine offsets, each mirrored or not.
        Assert.HasCount(18, seen);
        Assert.Contains("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", seen);
        Assert.Contains("0,0,0,0,0,1,2,3,0,5,6,7,0,9,10,11", seen);
        Assert.Contains("4,3,2,1,8,7,6,5,12,11,10,9,16,15,14,13", seen);
    }

    [TestMethod]
    public void CropAtRandom_LargerImage_StaysInside()
    {
        PixelCache cache = Numbered(width: 5, height: 4);
        HashSet<string> seen = [];
        for (int row = 0; row < 200; row++)
        {
            byte[] crop = new byte[16];
            new Augmentation(CropPadding: 0, HorizontalFlip: false).CropAtRandom(First(cache), Format(4, 4), 1, SplitMix64.ForRow(1, 1, row, RandomStream.Crop), crop);
            seen.Add(string.Join(",", crop));
        }

        CollectionAssert.AreEquivalent(
            new[] { "1,2,3,4,6,7,8,9,11,12,13,14,16,17,18,19", "2,3,4,5,7,8,9,10,12,13,14,15,17,18,19,20" }, seen.ToArray());
    }

    [TestMethod]
    public void CropCentre_OddMargin_RoundsHalvesToEvenAsTorchvision()
    {
        // (7 - 4) / 2 = 1.5 rounds to 2, (5 - 4) / 2 = 0.5 rounds to 0: torchvision's CenterCrop takes int(round(..)), Python's rounding.
        PixelCache cache = Numbered(width: 7, height: 5);
        byte[] crop = new byte[16];

        Augmentation.CropCentre(First(cache), Format(4, 4), 1, crop);

        CollectionAssert.AreEqual(new byte[] { 3, 4, 5, 6, 10, 11, 12, 13, 17, 18, 19, 20, 24, 25, 26, 27 }, crop);
    }

    private static CachedImage First(PixelCache cache) => cache.Get(0, ref s_unused);

    private static PixelCache Numbered(int width, int height)
    {
        var cache = new PixelCache(channels: 1, elementSize: 1, memoryLimit: long.MaxValue, temporaryFolder: "");
        Span<byte> pixels = cache.Add(width, height);
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)(i + 1);
        }

        return cache;
    }

    private static InputFormat Format(int width, int height) => InputFormat.Of(width, height, PixelRange.ZeroTo255, [0.5f], [0.5f]);
}
