using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Augmentations;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class AugmentationPresetsTests
{
    [TestMethod]
    public void Of_None_IsOff() => Assert.AreEqual(new Augmentation(), AugmentationPresets.Of(AugmentationPreset.None, 32, 1000, 30));

    [TestMethod]
    public void Of_Light_MovesByAnEighthAndMirrors()
        => Assert.AreEqual(new Augmentation { RandomCrop = true, CropPadding = 4, HorizontalFlip = true }, AugmentationPresets.Of(AugmentationPreset.Light, 32, 1000, 30));

    [TestMethod]
    public void Of_Standard_ResizesLargeImagesOnly()
    {
        Assert.AreEqual(0, AugmentationPresets.Of(AugmentationPreset.Standard, 64, 1000, 30).ResizedCropScale);
        Assert.AreEqual(0.35, AugmentationPresets.Of(AugmentationPreset.Standard, 65, 1000, 30).ResizedCropScale);
    }

    [TestMethod]
    public void Of_StrongOnly_MixesBatches()
    {
        foreach (AugmentationPreset preset in Enum.GetValues<AugmentationPreset>())
        {
            Assert.AreEqual(preset == AugmentationPreset.Strong, AugmentationPresets.Of(preset, 224, 1000, 30).MixesBatches, $"{preset}");
        }
    }

    [TestMethod]
    [DataRow(32, 500, 59, AugmentationPreset.Light)]
    [DataRow(32, 2_001, 60, AugmentationPreset.Standard)]
    [DataRow(64, 5_000_000, 30, AugmentationPreset.Light)]
    [DataRow(65, 500, 30, AugmentationPreset.Standard)]
    [DataRow(224, 5_000_000, 30, AugmentationPreset.Light)]
    public void Of_Auto_DependsOnSizeNumberAndEpochs(int size, int count, int epochs, AugmentationPreset expected)
    {
        Assert.AreEqual(expected, AugmentationPresets.Choose(size, count, epochs));
        Assert.AreEqual(AugmentationPresets.Of(expected, size, count, epochs), AugmentationPresets.Of(AugmentationPreset.Auto, size, count, epochs));
    }

    [TestMethod]
    [DataRow(64, 2_000, 60, true)]
    [DataRow(65, 2_000, 60, false)]
    [DataRow(64, 2_001, 60, false)]
    [DataRow(64, 2_000, 59, false)]
    public void Of_Auto_MixesVeryFewSmallImagesInLongTrainings(int size, int count, int epochs, bool mixes)
    {
        Augmentation augmentation = AugmentationPresets.Of(AugmentationPreset.Auto, size, count, epochs);

        Assert.AreEqual(AugmentationPresets.Of(AugmentationPresets.Choose(size, count, epochs), size, count, epochs), augmentation.WithoutMixing());
        Assert.AreEqual(mixes ? (0, 1, 0.5, 60) : (0, 0, 1, 0), (augmentation.MixUpAlpha, augmentation.CutMixAlpha, augmentation.MixProbability, augmentation.FewestEpochsToMix));
    }

    [TestMethod]
    [DataRow(224, 19_999, 10, true)]
    [DataRow(32, 300, 30, true)]
    [DataRow(224, 20_000, 10, false)]
    [DataRow(224, 300, 9, false)]
    public void Of_AutoInFineTuning_MixesFewImagesFromTenEpochsOn(int size, int count, int epochs, bool mixes)
    {
        Augmentation augmentation = AugmentationPresets.Of(AugmentationPreset.Auto, size, count, epochs, fineTunes: true);

        Assert.AreEqual(AugmentationPresets.Of(AugmentationPresets.Choose(size, count, epochs), size, count, epochs), augmentation.WithoutMixing());
        Assert.AreEqual(mixes ? (0, 1, 0.5, 10) : (0, 0, 1, 0), (augmentation.MixUpAlpha, augmentation.CutMixAlpha, augmentation.MixProbability, augmentation.FewestEpochsToMix));
        Assert.AreEqual(augmentation, TrainingDefaults.Resolve(new ResNetTrainer.Options { Epochs = epochs }, size, count, classWeights: null, seed: 1, fineTunes: true).Augmentation);
    }

    [TestMethod]
    public void Resolve_GivenMixing_IsAloneUnderAuto()
    {
        Assert.AreEqual((0, 1, 0.5), Resolved(new ResNetTrainer.Options()));
        Assert.AreEqual((0, 1, 0.7), Resolved(new ResNetTrainer.Options { MixProbability = 0.7 }));
        Assert.AreEqual((0.2, 0, 1), Resolved(new ResNetTrainer.Options { MixUpAlpha = 0.2 }));
        Assert.AreEqual((0, 0.4, 1), Resolved(new ResNetTrainer.Options { CutMixAlpha = 0.4 }));
        Assert.AreEqual((0, 0, 1), Resolved(new ResNetTrainer.Options { CutMixAlpha = 0 }));
        Assert.AreEqual((0, 1, 1), Resolved(new ResNetTrainer.Options { Augmentation = AugmentationPreset.Strong, MixUpAlpha = 0 }));

        static (double MixUp, double CutMix, double Probability) Resolved(ResNetTrainer.Options options)
        {
            options.Epochs = 60;
            Augmentation augmentation = TrainingDefaults.Resolve(options, imageSize: 32, imageCount: 1000, classWeights: null, seed: 1).Augmentation;
            return (augmentation.MixUpAlpha, augmentation.CutMixAlpha, augmentation.MixProbability);
        }
    }

    [TestMethod]
    [DataRow(32, 60, false, null, 0.5)]
    [DataRow(32, 59, false, null, 1)]
    [DataRow(32, 60, true, null, 1)]
    [DataRow(23, 60, false, null, 1)]
    [DataRow(65, 60, false, null, 1)]
    [DataRow(32, 60, false, 1.0, 1)]
    [DataRow(224, 10, true, 0.75, 0.75)]
    public void InitialImageScale_LeftOpen_IsHalfInLongTrainingsOnSmallImages(int size, int epochs, bool fineTunes, double? given, double expected)
    {
        var options = new ResNetTrainer.Options { Epochs = epochs, InitialImageScale = given };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, size, imageCount: 100, classWeights: null, seed: 1, fineTunes).Resizing.InitialScale);
    }

    [TestMethod]
    public void Of_UnknownPreset_SaysWhatIsExpected()
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AugmentationPresets.Of((AugmentationPreset)9, 32, 1, 30));

        Assert.Contains("Expected one of Auto, None, Light, Standard, Strong.", exception.Message);
    }
}
