using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class AugmentationTests
{
    private readonly AugmentationScratch _scratch = new();

    [TestMethod]
    public void Apply_CropOfAnImageOfTheInputsSize_MovesWithinTheBorderAndMirrors()
    {
        HashSet<string> seen = Crops(new Augmentation { RandomCrop = true, CropPadding = 1, HorizontalFlip = true }, 4, 4);

        // Nine offsets, each mirrored or not.
        Assert.HasCount(18, seen);
        Assert.Contains("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", seen);
        Assert.Contains("0,0,0,0,0,1,2,3,0,5,6,7,0,9,10,11", seen);
        Assert.Contains("4,3,2,1,8,7,6,5,12,11,10,9,16,15,14,13", seen);
    }

    [TestMethod]
    public void Apply_CropWithReflectedBorder_MirrorsAtTheOutermostPixels()
    {
        HashSet<string> seen = Crops(new Augmentation { RandomCrop = true, CropPadding = 1, CropBorder = CropBorder.Reflected }, 4, 4);

        Assert.HasCount(9, seen);
        Assert.Contains("6,5,6,7,2,1,2,3,6,5,6,7,10,9,10,11", seen);
    }

    [TestMethod]
    public void Apply_CropOfALargerImage_StaysInside()
        => CollectionAssert.AreEquivalent(
            new[] { "1,2,3,4,6,7,8,9,11,12,13,14,16,17,18,19", "2,3,4,5,7,8,9,10,12,13,14,15,17,18,19,20" },
            Crops(new Augmentation { RandomCrop = true }, 5, 4).ToArray());

    [TestMethod]
    public void Apply_NothingOn_CutsTheCentre()
        => CollectionAssert.AreEqual(new[] { "3,4,5,6,10,11,12,13,17,18,19,20,24,25,26,27" }, Crops(new Augmentation(), 7, 5).ToArray());

    [TestMethod]
    public void CropCentre_OddMargin_RoundsHalvesToEvenAsTorchvision()
    {
        // (7 - 4) / 2 = 1.5 rounds to 2, (5 - 4) / 2 = 0.5 rounds to 0: torchvision's CenterCrop takes int(round(..)), Python's rounding.
        byte[] crop = new byte[16];

        Augmentation.CropCentre(new CachedImage(Numbered(7, 5), 7, 5), Format(4, 4, 1), 1, crop);

        CollectionAssert.AreEqual(new byte[] { 3, 4, 5, 6, 10, 11, 12, 13, 17, 18, 19, 20, 24, 25, 26, 27 }, crop);
    }

    [TestMethod]
    public void Apply_Flips_MirrorHalfOfTheImagesEach()
    {
        int across = 0, down = 0;
        for (int row = 0; row < 10_000; row++)
        {
            byte[] image = Run(new Augmentation { HorizontalFlip = true, VerticalFlip = true }, Numbered(2, 2), Format(2, 2, 1), row);
            across += image[0] is 2 or 4 ? 1 : 0;
            down += image[0] is 3 or 4 ? 1 : 0;
        }

        // Five standard deviations.
        Assert.AreEqual(5000, across, 250);
        Assert.AreEqual(5000, down, 250);
    }

    [TestMethod]
    public void Apply_AnotherOperationOn_LeavesTheDrawsOfTheOthers()
    {
        var crop = new Augmentation { RandomCrop = true, CropPadding = 4 };
        for (int row = 0; row < 100; row++)
        {
            byte[] alone = Run(crop, TestPicture.Bytes(16, 16, 1), Format(16, 16, 1), row);
            byte[] erased = Run(crop with { ErasingProbability = 1 }, TestPicture.Bytes(16, 16, 1), Format(16, 16, 1), row);

            // Erased is to half of 255, rounded one way or the other.
            Assert.IsTrue(alone.Zip(erased).All(pair => pair.First == pair.Second || pair.Second is 127 or 128));
        }
    }

    [TestMethod]
    public void Apply_Everything_DependsOnSeedEpochAndRowAlone()
    {
        Augmentation strong = AugmentationPresets.Of(AugmentationPreset.Strong, 224, 1000, 30);
        byte[] source = TestPicture.Bytes(40, 30, 3);
        byte[][] first = [.. Enumerable.Range(0, 50).Select(row => Run(strong, source, Format(24, 24, 3), row, 40, 30))];

        // In another order, after other images.
        for (int row = 49; row >= 0; row--)
        {
            CollectionAssert.AreEqual(first[row], Run(strong, source, Format(24, 24, 3), row, 40, 30));
        }

        Assert.HasCount(50, first.Select(Convert.ToHexString).ToHashSet());
    }

    [TestMethod]
    [DataRow(8, 8, 8, 8)]
    [DataRow(1, 30, 8, 8)]
    [DataRow(30, 1, 8, 8)]
    [DataRow(1, 1, 8, 16)]
    [DataRow(5, 7, 32, 8)]
    [DataRow(40, 30, 24, 24)]
    public void Apply_Everything_WorksOnImagesOfAnySize(int imageWidth, int imageHeight, int width, int height)
    {
        foreach (int channels in (int[])[1, 2, 3, 4])
        {
            foreach (PixelRange range in (PixelRange[])[PixelRange.ZeroTo255, PixelRange.ZeroToOne, PixelRange.Normalized])
            {
                foreach (AugmentationPreset preset in Enum.GetValues<AugmentationPreset>())
                {
                    Augmentation augmentation = AugmentationPresets.Of(preset, Math.Min(width, height), 1000, 30) with { VerticalFlip = true, CropBorder = CropBorder.Reflected };
                    RunFloats(augmentation, imageWidth, imageHeight, Format(width, height, channels, range) with { IsFloat = true });
                    RunFloats(augmentation with { ResizedCropScale = 0.08 }, imageWidth, imageHeight, Format(width, height, channels, range) with { IsFloat = true });
                    for (int row = 0; row < 20; row++)
                    {
                        Run(augmentation, TestPicture.Bytes(imageWidth, imageHeight, channels), Format(width, height, channels), row, imageWidth, imageHeight);
                        Run(augmentation with { ResizedCropScale = 0.08 }, TestPicture.Bytes(imageWidth, imageHeight, channels), Format(width, height, channels), row, imageWidth, imageHeight);
                    }
                }
            }
        }
    }

    [TestMethod]
    public void Apply_JitterOfNormalisedFloats_IsLeftOutAndSaidSo()
    {
        var jitter = new Augmentation { ColorJitter = new ColorJitter(0.4, 0.4, 0.4, 0.1) };
        InputFormat normalized = Format(4, 4, 3, PixelRange.Normalized) with { IsFloat = true };
        float[] source = [.. Enumerable.Range(0, 48).Select(i => (i / 10f) - 2)], target = new float[48];

        jitter.Apply(
            new CachedImage(MemoryMarshal.AsBytes(source.AsSpan()), 4, 4), normalized, new RowDraws(1, 1, 0), MemoryMarshal.AsBytes(target.AsSpan()), _scratch);

        CollectionAssert.AreEqual(source, target);
        Assert.IsTrue(jitter.LeavesOutColors(normalized));
        Assert.IsTrue(new Augmentation { TrivialAugment = true }.LeavesOutColors(normalized));
        Assert.IsFalse(jitter.LeavesOutColors(Format(4, 4, 3, PixelRange.ZeroToOne) with { IsFloat = true }));
        Assert.IsFalse(new Augmentation { RandomCrop = true, ErasingProbability = 1 }.LeavesOutColors(normalized));
    }

    [TestMethod]
    public void Apply_AfterTheFirstImages_AllocatesNothing()
    {
        Augmentation strong = AugmentationPresets.Of(AugmentationPreset.Strong, 224, 1000, 30);
        byte[] source = TestPicture.Bytes(40, 30, 3), target = new byte[24 * 24 * 3];
        InputFormat format = Format(24, 24, 3);
        void Apply(int row) => strong.Apply(new CachedImage(source, 40, 30), format, new RowDraws(1, 1, row), target, _scratch);
        for (int row = 0; row < 500; row++)
        {
            Apply(row);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int row = 0; row < 500; row++)
        {
            Apply(row);
        }

        Assert.AreEqual(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private HashSet<string> Crops(Augmentation augmentation, int width, int height)
        => [.. Enumerable.Range(0, 2000).Select(row => string.Join(",", Run(augmentation, Numbered(width, height), Format(4, 4, 1), row, width, height)))];

    private byte[] Run(Augmentation augmentation, byte[] source, InputFormat format, int row, int? width = null, int? height = null)
    {
        byte[] target = new byte[format.ByteCount];
        augmentation.Apply(new CachedImage(source, width ?? format.Width, height ?? format.Height), format, new RowDraws(1, 1, row), target, _scratch);
        return target;
    }

    private void RunFloats(Augmentation augmentation, int width, int height, InputFormat format)
    {
        byte[] source = MemoryMarshal.AsBytes(TestPicture.Floats(width, height, format.Channels, format.White ?? 1).AsSpan()).ToArray();
        for (int row = 0; row < 20; row++)
        {
            byte[] target = Run(augmentation, source, format, row, width, height);
            foreach (float value in MemoryMarshal.Cast<byte, float>(target))
            {
                Assert.IsTrue(value >= 0 && value <= (format.White ?? 1) * 1.0001f, $"{value}");
            }
        }
    }

    private static byte[] Numbered(int width, int height) => [.. Enumerable.Range(1, width * height).Select(i => (byte)i)];

    private static InputFormat Format(int width, int height, int channels, PixelRange range = PixelRange.ZeroTo255)
        => InputFormat.Of(width, height, range, [.. Enumerable.Repeat(0.5f, channels)], [.. Enumerable.Repeat(0.5f, channels)]);
}
