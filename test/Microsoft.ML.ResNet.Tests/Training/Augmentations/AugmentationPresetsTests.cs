using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class AugmentationPresetsTests
{
    [TestMethod]
    public void Of_None_IsOff() => Assert.AreEqual(new Augmentation(), AugmentationPresets.Of(AugmentationPreset.None, 32, 1000));

    [TestMethod]
    public void Of_Light_MovesByAnEighthAndMirrors()
        => Assert.AreEqual(new Augmentation { RandomCrop = true, CropPadding = 4, HorizontalFlip = true }, AugmentationPresets.Of(AugmentationPreset.Light, 32, 1000));

    [TestMethod]
    public void Of_Standard_ResizesLargeImagesOnly()
    {
        Assert.AreEqual(0, AugmentationPresets.Of(AugmentationPreset.Standard, 64, 1000).ResizedCropScale);
        Assert.AreEqual(0.35, AugmentationPresets.Of(AugmentationPreset.Standard, 65, 1000).ResizedCropScale);
    }

    [TestMethod]
    public void Of_StrongOnly_MixesBatches()
    {
        foreach (AugmentationPreset preset in Enum.GetValues<AugmentationPreset>())
        {
            Assert.AreEqual(preset == AugmentationPreset.Strong, AugmentationPresets.Of(preset, 224, 1000).MixesBatches, $"{preset}");
        }
    }

    [TestMethod]
    [DataRow(32, 500, AugmentationPreset.Light)]
    [DataRow(64, 5_000_000, AugmentationPreset.Light)]
    [DataRow(65, 500, AugmentationPreset.Standard)]
    [DataRow(224, 5_000_000, AugmentationPreset.Light)]
    public void Of_Auto_DependsOnSizeAndNumberOfImages(int size, int count, AugmentationPreset expected)
    {
        Assert.AreEqual(expected, AugmentationPresets.Choose(size, count));
        Assert.AreEqual(AugmentationPresets.Of(expected, size, count), AugmentationPresets.Of(AugmentationPreset.Auto, size, count));
    }

    [TestMethod]
    public void Of_UnknownPreset_SaysWhatIsExpected()
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AugmentationPresets.Of((AugmentationPreset)9, 32, 1));

        Assert.Contains("Expected one of Auto, None, Light, Standard, Strong.", exception.Message);
    }
}
