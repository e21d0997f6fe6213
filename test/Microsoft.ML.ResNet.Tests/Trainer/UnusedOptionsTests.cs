using Microsoft.ML.ResNet.Trainer;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>An option that does nothing says so.</summary>
[TestClass]
public sealed class UnusedOptionsTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Fit_FineTuningWithoutWeights_Warns()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.FineTuning = FineTuningMode.Full;
        options.FreezeBatchNorm = true;
        options.FrozenStages = 1;

        AssertWarns(options, "FineTuning, FrozenStages and FreezeBatchNorm have no effect without PretrainedWeights: the network is trained from scratch.");
    }

    [TestMethod]
    public void Fit_MomentumWithAdamW_Warns()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.Optimizer = TrainingOptimizer.AdamW;
        options.Momentum = 0.8;

        AssertWarns(options, "Momentum has no effect where Optimizer is AdamW.");
    }

    [TestMethod]
    public void Fit_BalancedBesideClassWeights_Warns()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ClassWeighting = ClassWeighting.Balanced;
        options.ClassWeights = new Dictionary<string, float> { [Create(1)[0].Label] = 2 };

        AssertWarns(options, "ClassWeighting has no effect beside ClassWeights: the weights are those that are given.");
    }

    [TestMethod]
    public void Fit_BetasWithSgdAndOthersWithoutTheirCondition_Warn()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.Beta1 = 0.8;
        options.LearningRateDecayFactor = 0.2;
        options.ClassWeightingStart = 0.5;
        options.ValidationMetric = ValidationMetric.Loss;

        AssertWarns(
            options,
            "Beta1 has no effect where Optimizer is Sgd.",
            "LearningRateDecayFactor has no effect where LearningRateDecay is Cosine; only Step uses it.",
            "ClassWeightingStart has no effect without ClassWeighting or ClassWeights.",
            "ValidationMetric has no effect without ValidationSet or ValidationFraction.");
    }

    [TestMethod]
    [DataRow(null, false)]
    [DataRow(0.0, false)]
    [DataRow(2.0, true)]
    public void Find_WarmupBesideOneCycle_NamesIt(double? warmup, bool isNamed)
    {
        var options = new ResNetTrainer.Options { LearningRateDecay = LearningRateDecay.OneCycle, WarmupEpochs = warmup };

        CollectionAssert.AreEqual(
            isNamed ? new[] { "WarmupEpochs has no effect where LearningRateDecay is OneCycle, which rises by itself, over three tenths of the training." } : [],
            UnusedOptions.Find(options, start: null, mode: null).ToArray());
    }

    [TestMethod]
    public void Fit_StepsInHeadOnly_Warn()
    {
        using ResNetTransformer start = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        var options = new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.FromTransformer(start), FineTuning = FineTuningMode.HeadOnly, Epochs = 7, MixUpAlpha = 0.2, FrozenStages = 1, Architecture = ResNetArchitecture.ResNet50 };

        AssertWarns(
            options,
            $"Architecture is ResNet50 and has no effect: the network is that of PretrainedWeights, {TinyNetwork}.",
            "Epochs, FrozenStages and MixUpAlpha have no effect where FineTuning is HeadOnly: the classifier is fitted to convergence, without epochs.");
    }

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet20, null)]
    [DataRow(ResNetArchitecture.ResNet32, "Architecture is ResNet32 and has no effect: the network is that of the model that the training starts from, ResNet20.")]
    public void Fit_FromAModel_WarnsOfAnotherArchitectureOnly(ResNetArchitecture architecture, string? expected)
    {
        using ResNetTransformer start = _context.MulticlassClassification.Trainers.ResNet(Of(ResNetArchitecture.ResNet20)).Fit(Keyed(_context, Create(12)));
        var context = new MLContext(1);
        var log = new LogRecorder(context);

        context.MulticlassClassification.Trainers.ResNet(Of(architecture)).Fit(Keyed(context, Create(12)), start).Dispose();

        CollectionAssert.AreEqual(expected is null ? [] : new[] { expected }, log.Warnings.ToArray());

        static ResNetTrainer.Options Of(ResNetArchitecture architecture)
        {
            ResNetTrainer.Options options = Options(epochs: 1);
            options.Specification = null;
            options.Architecture = architecture;
            return options;
        }
    }

    [TestMethod]
    public void Fit_CareForAClassifierThatIsKept_Warns()
    {
        using ResNetTransformer start = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        var options = new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.FromTransformer(start), Epochs = 1, BackboneLearningRateScale = 0.1, StageLearningRateDecay = 0.5, FeatureViews = 2 };

        AssertWarns(options, "FeatureViews, BackboneLearningRateScale and StageLearningRateDecay have no effect where the classifier is kept, as the classes are those of the weights, and FineTuning is not set: the training goes on with the same learning rate in all layers.");
    }

    [TestMethod]
    public void Fit_Defaults_WarnOfNothing()
    {
        AssertWarns(Options(epochs: 1));
        using ResNetTransformer start = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        AssertWarns(new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.FromTransformer(start), FineTuning = FineTuningMode.HeadOnly, FeatureViews = 1 });
        AssertWarns(new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.FromTransformer(start), Epochs = 1, FreezeBatchNorm = true, FrozenStages = 1 });
    }

    [TestMethod]
    [DataRow("ScoreColumnName", "Label", "ScoreColumnName and LabelColumnName are both 'Label'; expected different names.")]
    [DataRow("PredictedLabelColumnName", "Label", "PredictedLabelColumnName and LabelColumnName are both 'Label'; expected different names.")]
    [DataRow("ScoreColumnName", "Features", "ScoreColumnName and FeatureColumnName are both 'Features'; expected different names.")]
    public void Validate_OutputThatHidesAnInput_IsAFault(string property, string name, string expected)
    {
        var options = new ResNetTrainer.Options();
        typeof(ResNetTrainer.Options).GetProperty(property)!.SetValue(options, name);

        StringAssert.EndsWith(Assert.ThrowsExactly<ArgumentException>(options.Validate).Message, expected);
    }

    [TestMethod]
    public void Validate_ArchitectureBesideASpecification_IsAFault()
    {
        var options = new ResNetTrainer.Options { Specification = TinyNetwork, Architecture = ResNetArchitecture.ResNet50 };

        StringAssert.EndsWith(
            Assert.ThrowsExactly<ArgumentException>(options.Validate).Message, "Specification and Architecture (ResNet50) are both set; expected one of them.");
    }

    private void AssertWarns(ResNetTrainer.Options options, params string[] expected)
    {
        var context = new MLContext(1);
        var log = new LogRecorder(context);
        context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(context, Create(12))).Dispose();

        CollectionAssert.AreEqual(expected, log.Warnings.ToArray());
    }
}
