using System.ComponentModel;
using System.Globalization;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>What is said of a setting out of its range.</summary>
[TestClass]
public sealed class ResNetTrainerOptionsTests
{
    [TestMethod]
    public void Options_ChangedAfterTheTrainerIsMade_HaveNoEffect()
    {
        var context = new MLContext(1);
        IDataView data = PixelRows.Keyed(context, PixelRows.Create(12));
        ResNetTrainer.Options options = PixelRows.Options(epochs: 1);
        var weights = new Dictionary<string, float> { ["red"] = 2 };
        (options.Mean, options.StandardDeviation, options.ClassWeights) = ([0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f], weights);
        (options.LearningRateDecay, options.LearningRateMilestones) = (LearningRateDecay.Step, [0.5, 0.75]);
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(options);
        using ResNetTransformer expected = trainer.Fit(data);

        (options.Mean[0], options.StandardDeviation[0], options.LearningRateMilestones[0]) = (float.NaN, 0, 7);
        weights["red"] = -1;
        weights["purple"] = 1;
        options.Epochs = 0;
        using ResNetTransformer actual = trainer.Fit(data);

        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));
        Assert.AreEqual(expected.Preprocessing, actual.Preprocessing);
    }

    [TestMethod]
    [DataRow("Augmentation", "99", "Augmentation is 99; expected Auto, None, Light, Standard, Strong.")]
    [DataRow("Beta1", "1", "Beta1 is 1; expected 0 to 0.9999.")]
    [DataRow("Beta2", "1", "Beta2 is 1; expected 0 to 0.99999.")]
    [DataRow("CheckpointDirectory", " ", "CheckpointDirectory is empty; expected a folder, or null.")]
    [DataRow("CheckpointInterval", "-00:00:01", "CheckpointInterval is -00:00:01; expected a time of 0 or more.")]
    [DataRow("ClassWeighting", "9", "ClassWeighting is 9; expected None, Balanced.")]
    [DataRow("ClassWeightingStart", "1", "ClassWeightingStart is 1; expected 0 to 0.95, or null.")]
    [DataRow("ColorJitter", "2", "ColorJitter is 2; expected 0 to 1.")]
    [DataRow("CutMixAlpha", "-1", "CutMixAlpha is -1; expected 0 to 10.")]
    [DataRow("EarlyStoppingMinDelta", "-0.1", "EarlyStoppingMinDelta is -0.1; expected a finite number of 0 or more.")]
    [DataRow("EarlyStoppingPatience", "3", "EarlyStoppingPatience is set, but there is nothing to validate on; expected ValidationSet or ValidationFraction.")]
    [DataRow("EarlyStoppingPatience", "0", "EarlyStoppingPatience is 0; expected 1 to 10000, or null.")]
    [DataRow("ExampleWeightColumnName", "", "ExampleWeightColumnName is empty; expected a column's name, or null.")]
    [DataRow("InitialImageScale", "0.1", "InitialImageScale is 0.1; expected 0.25 to 1.")]
    [DataRow("LabelSmoothing", "1", "LabelSmoothing is 1; expected 0 to 0.9.")]
    [DataRow("LearningRate", "11", "LearningRate is 11; expected 1E-06 to 10.")]
    [DataRow("LearningRateDecay", "7", "LearningRateDecay is 7; expected Cosine, Step, Constant, OneCycle.")]
    [DataRow("LearningRateDecayFactor", "2", "LearningRateDecayFactor is 2; expected 0 to 1.")]
    [DataRow("MaxGradientNorm", "0", "MaxGradientNorm is 0; expected a finite number above 0, or null.")]
    [DataRow("MaxTrainingTime", "00:00:00", "MaxTrainingTime is 00:00:00; expected a time above 0, or null.")]
    [DataRow("MixProbability", "1.5", "MixProbability is 1.5; expected 0 to 1.")]
    [DataRow("MixUpAlpha", "11", "MixUpAlpha is 11; expected 0 to 10.")]
    [DataRow("Optimizer", "5", "Optimizer is 5; expected Sgd, AdamW.")]
    [DataRow("RandomErasing", "-0.5", "RandomErasing is -0.5; expected 0 to 1.")]
    [DataRow("RandomResizedCropMinScale", "0", "RandomResizedCropMinScale is 0; expected 0.01 to 1.")]
    [DataRow("ResumeFromCheckpoint", "true", "ResumeFromCheckpoint is true, but CheckpointDirectory is not set; expected the folder of the training to go on with.")]
    [DataRow("WeightDecay", "2", "WeightDecay is 2; expected 1E-06 to 1, or 0.")]
    [DataRow("TopK", "0", "TopK is 0; expected 1 to 1000.")]
    [DataRow("ValidationFraction", "0.95", "ValidationFraction is 0.95; expected 0 to 0.9.")]
    [DataRow("ValidationMetric", "4", "ValidationMetric is 4; expected Accuracy, Loss, MacroAccuracy.")]
    [DataRow("CancellationHandling", "4", "CancellationHandling is 4; expected Throw, ReturnBest.")]
    [DataRow("WeightAveragingDecay", "1", "WeightAveragingDecay is 1; expected 0 to 0.99999.")]
    public void Validate_OneFault_IsNamedWithWhatWasExpected(string property, string value, string expected)
    {
        var options = new ResNetTrainer.Options();
        var info = typeof(ResNetTrainer.Options).GetProperty(property)!;
        Type type = Nullable.GetUnderlyingType(info.PropertyType) ?? info.PropertyType;
        info.SetValue(options, type.IsEnum ? Enum.ToObject(type, int.Parse(value, CultureInfo.InvariantCulture)) : TypeDescriptor.GetConverter(type).ConvertFromInvariantString(value));

        Assert.AreEqual($"ResNetTrainer.Options has 1 fault: {expected}", Assert.ThrowsExactly<ArgumentException>(options.Validate).Message);
    }

    [TestMethod]
    public void Validate_SettingsThatContradict_AreNamedTogether()
    {
        var options = new ResNetTrainer.Options
        {
            ValidationSet = new MLContext().Data.LoadFromEnumerable(PixelRows.Create(3)),
            ValidationFraction = 0.1,
            LearningRateMilestones = [0.75, 0.5],
            ClassWeights = new Dictionary<string, float> { ["a"] = -1 },
        };

        string message = Assert.ThrowsExactly<ArgumentException>(options.Validate).Message;

        StringAssert.StartsWith(message, "ResNetTrainer.Options has 3 faults: ");
        StringAssert.Contains(message, "ValidationSet and ValidationFraction are both set; expected one of them.");
        StringAssert.Contains(message, "LearningRateMilestones is [0.75, 0.5]; expected ascending shares of the training, each above 0 and below 1.");
        StringAssert.Contains(message, "ClassWeights are a: -1; expected finite numbers of 0 or more, at least one of them above 0.");
    }
}
