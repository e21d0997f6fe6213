using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

[TestClass]
public sealed class ResNetTrainerFineTuningTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DoNotParallelize]
    [DataRow(FineTuningMode.HeadOnly, 5)]
    [DataRow(FineTuningMode.HeadOnly, 1)]
    [DataRow(FineTuningMode.HeadThenFull, 5)]
    [DataRow(FineTuningMode.Full, 20)]
    public void Fit_PretrainedWeights_LearnOtherClassesFromFewImages(FineTuningMode mode, int imagesPerClass)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        ResNetTrainer.Options options = FineTuning(pretrained, mode);
        IDataView few = Keyed(_context, Create(imagesPerClass * 3, seed: 7, "one", "two", "three"), "one", "two", "three");
        IDataView test = Keyed(_context, Create(60, seed: 8, "one", "two", "three"), "one", "two", "three");
        long tensors = LiveTensors.CountAfterCollection();

        using (ResNetTransformer model = Train(few, options))
        {
            Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
            Assert.AreEqual(pretrained.Specification, model.Specification);
            Assert.HasCount(mode == FineTuningMode.HeadOnly ? 1 : options.Epochs, model.TrainingHistory);
        }

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Fit_HeadOnly_LeavesTheNetworkAsItIs()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));

        using ResNetTransformer model = Train(Keyed(_context, Create(12, seed: 7, "one", "two")), FineTuning(pretrained, FineTuningMode.HeadOnly));

        Dictionary<string, float[]> before = SavedWeights.Of(pretrained), after = SavedWeights.Of(model);
        foreach (string name in before.Keys.Where(name => !name.StartsWith("fc.", StringComparison.Ordinal)))
        {
            CollectionAssert.AreEqual(before[name], after[name], name);
        }
    }

    [TestMethod]
    public void Fit_HeadOnly_ReportsItsOnlyEpoch()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        List<EpochMetrics> progress = [];
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadOnly);
        options.FeatureViews = 2;
        options.ValidationFraction = 0.25;
        options.Progress = new SynchronousProgress(progress.Add);

        using ResNetTransformer model = Train(Keyed(_context, Create(96, seed: 7)), options);

        // 72 images three times, in batches of 64 and 8.
        CollectionAssert.AreEqual(new[] { 64, 72, 136, 144, 208, 216 }, progress.Select(step => step.Batch).ToArray());
        EpochMetrics only = model.TrainingHistory.Single();
        Assert.AreEqual(72, only.ImageCount);
        Assert.IsGreaterThan(0.9, only.ValidationAccuracy!.Value);
        Assert.IsGreaterThan(0.9, only.TrainingAccuracy);
        Assert.IsTrue(only.IsEpochEnd);
    }

    [TestMethod]
    public void Fit_BackboneRateOfZeroAndFrozenNorms_LeavesTheNetworkAsItIs()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.Full);
        options.BackboneLearningRateScale = 0;
        options.FreezeBatchNorm = true;
        options.WeightAveragingDecay = 0;

        using ResNetTransformer model = Train(Keyed(_context, Create(12, seed: 7, "one", "two")), options);

        Dictionary<string, float[]> before = SavedWeights.Of(pretrained), after = SavedWeights.Of(model);
        CollectionAssert.AreEqual(before["layer1.0.conv1.weight"], after["layer1.0.conv1.weight"]);
        CollectionAssert.AreEqual(before["bn1.running_mean"], after["bn1.running_mean"]);
    }

    [TestMethod]
    [DataRow(FineTuningMode.Full, null, null, false)]
    [DataRow(FineTuningMode.Full, true, null, true)]
    [DataRow(FineTuningMode.HeadThenFull, true, null, true)]
    [DataRow(FineTuningMode.HeadThenFull, null, 12, true)]
    [DataRow(FineTuningMode.HeadThenFull, false, 12, false)]
    [DataRow(FineTuningMode.HeadThenFull, null, 20, false)]
    public void Fit_FineTuning_KeepsTheStatisticsForSmallerImagesOrAsTold(FineTuningMode mode, bool? freezes, int? size, bool areKept)
    {
        using var folder = new TemporaryFolder();
        ColourFolder.Create(folder.Path, ColourFolder.Red, ColourFolder.Blue);
        IDataView files = _context.Data.LoadImageFolder(folder.Path);
        IDataView data = _context.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files);
        using ResNetTransformer pretrained = Train(data, OfFiles(Options(epochs: 2)));
        ResNetTrainer.Options options = OfFiles(FineTuning(pretrained, mode));
        options.FreezeBatchNorm = freezes;
        options.ImageSize = size;

        using ResNetTransformer model = Train(data, options);

        Dictionary<string, float[]> before = SavedWeights.Of(pretrained), after = SavedWeights.Of(model);
        foreach (string name in before.Keys.Where(name => name.Contains(".running_", StringComparison.Ordinal)))
        {
            Assert.AreEqual(areKept, before[name].SequenceEqual(after[name]), name);
        }

        CollectionAssert.AreNotEqual(before["bn1.weight"], after["bn1.weight"]);
    }

    [TestMethod]
    public void Fit_CheckpointOfOtherStatistics_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 1));
        IDataView few = Keyed(_context, Create(12, seed: 7, "one", "two"));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.Full);
        options.CheckpointDirectory = folder.Path;
        options.ResumeFromCheckpoint = true;
        Train(few, options).Dispose();
        options.FreezeBatchNorm = true;

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Train(few, options)).Message;

        StringAssert.Contains(message, "FreezeBatchNorm was 'False' and is 'True'");
    }

    [TestMethod]
    public void Fit_WeightsAndAModel_AreTooMuch()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(12)), Options(epochs: 1));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.Full);

        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(12)), pretrained)).Message,
            "PretrainedWeights are set, and a model to start from is given; expected one of them.");
    }

    [TestMethod]
    public void Fit_WeightsOfAnotherNetwork_SayWhatTheyFit()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(12)), Options(epochs: 1));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.Full);
        options.Specification = TinyNetwork with { Widths = [8, 24] };

        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => Train(Keyed(_context, Create(12)), options)).Message,
            "The weights of 'the transformer' don't fit ");
    }

    private ResNetTransformer Train(IDataView data, ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

    private static ResNetTrainer.Options OfFiles(ResNetTrainer.Options options)
    {
        options.FeatureColumnName = "ImagePath";
        return options;
    }

    private static ResNetTrainer.Options FineTuning(ResNetTransformer pretrained, FineTuningMode mode) => new()
    {
        PretrainedWeights = ResNetWeights.FromTransformer(pretrained),
        FineTuning = mode,
        Epochs = 4,
        BatchSize = 8,
        LearningRate = mode == FineTuningMode.Full ? 0.05 : null,
        RandomCropPadding = 1,
    };
}
