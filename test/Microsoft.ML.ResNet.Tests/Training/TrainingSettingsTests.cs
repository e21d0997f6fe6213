using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class TrainingSettingsTests
{
    [TestMethod]
    public void Optimizer_TwelveStages_ScalesTheRateOfEachStageByItsNumber()
    {
        using var scope = torch.NewDisposeScope();
        var specification = new ResNetSpecification { Depths = [.. Enumerable.Repeat(1, 12)], Widths = [.. Enumerable.Repeat(4, 12)], Stem = ResNetStem.Cifar };
        using var network = new ResidualNetwork(specification, 1, 2, seed: 1);
        var options = new ResNetTrainer.Options { LearningRate = 1, Momentum = 0, WeightDecay = 0, BackboneLearningRateScale = 0.5, StageLearningRateDecay = 0.5 };
        var settings = TrainingDefaults.Resolve(options, imageSize: 32, imageCount: 10, classWeights: null, seed: 1, fineTunes: true);
        float[] before = Shifts(network);
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            entry.Parameter.grad = torch.ones_like(entry.Parameter);
        }

        using IOptimizer optimizer = settings.Optimizer(network);
        optimizer.Step(learningRate: 1);

        float[] after = Shifts(network);
        for (int stage = 1; stage <= 12; stage++)
        {
            Assert.AreEqual(0.5 * Math.Pow(0.5, 12 - stage), before[stage - 1] - after[stage - 1], 1e-6, $"stage {stage}");
        }
    }

    private static float[] Shifts(ResidualNetwork network)
        => [.. Enumerable.Range(1, 12).Select(stage => network.ParameterEntries.Single(entry => entry.Name == $"layer{stage}.0.bn1.bias").Parameter.data<float>()[0])];

    [TestMethod]
    [DataRow(1, 2, 4)]
    [DataRow(2_000, 10, 4)]
    [DataRow(2_001, 10, 3)]
    [DataRow(4_000, 10, 2)]
    [DataRow(8_000, 10, 1)]
    [DataRow(8_001, 10, 0)]
    [DataRow(2_000, 200, 2)]
    [DataRow(2_000, 1_000, 0)]
    [DataRow(int.MaxValue, int.MaxValue, 0)]
    public void FeatureViews_NotGiven_AreFewerOfMoreImagesAndClasses(int images, int classes, int views)
        => Assert.AreEqual(views, TrainingDefaults.FeatureViews(new ResNetTrainer.Options(), new Augmentation { HorizontalFlip = true }, images, classes));

    [TestMethod]
    public void FeatureViews_NothingVariesThem_AreNoneUnlessGiven()
    {
        var mixing = new Augmentation { CutMixAlpha = 1, MixProbability = 0.5 };

        Assert.AreEqual(0, TrainingDefaults.FeatureViews(new ResNetTrainer.Options(), mixing, 100, 2));
        Assert.AreEqual(7, TrainingDefaults.FeatureViews(new ResNetTrainer.Options { FeatureViews = 7 }, mixing, 100_000, 2));
    }
}
