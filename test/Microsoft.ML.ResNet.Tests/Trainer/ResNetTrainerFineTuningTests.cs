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

            // The classifier alone tells these colours apart: a trial finds nothing to gain in all layers.
            Assert.HasCount(mode == FineTuningMode.Full ? options.Epochs : 1, model.TrainingHistory);
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
    public void Fit_HeadOnlyOfFewImages_FitsToFourViewsOfEachBesideThePlainOne()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Create(24, seed: 7));
        ResNetTrainer.Options byDefault = FineTuning(pretrained, FineTuningMode.HeadOnly), four = FineTuning(pretrained, FineTuningMode.HeadOnly), plain = FineTuning(pretrained, FineTuningMode.HeadOnly);
        List<EpochMetrics> progress = [];
        byDefault.Progress = new SynchronousProgress(progress.Add);
        four.FeatureViews = 4;
        plain.FeatureViews = 0;

        using ResNetTransformer model = Train(data, byDefault), expected = Train(data, four), other = Train(data, plain);

        Assert.AreEqual(24 * 5, progress[^1].Batch);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(model));
        Assert.IsFalse(SavedWeights.Of(model)["fc.weight"].SequenceEqual(SavedWeights.Of(other)["fc.weight"]));
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
        using var source = new CancellationTokenSource();
        if (mode == FineTuningMode.HeadThenFull)
        {
            // A cancellation before the comparison, which may find that the classifier alone is best.
            (options.ValidationSet, options.RestoreBestWeights) = (data, false);
            (options.CancellationToken, options.CancellationHandling) = (source.Token, CancellationHandling.ReturnBest);
            options.EpochCallback = metrics =>
            {
                if (metrics.Epoch == options.Epochs)
                {
                    source.Cancel();
                }
            };
        }

        using ResNetTransformer model = Train(data, options);

        Dictionary<string, float[]> before = SavedWeights.Of(pretrained), after = SavedWeights.Of(model);
        foreach (string name in before.Keys.Where(name => name.Contains(".running_", StringComparison.Ordinal)))
        {
            Assert.AreEqual(areKept, before[name].SequenceEqual(after[name]), name);
        }

        CollectionAssert.AreNotEqual(before["bn1.weight"], after["bn1.weight"]);
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(60)]
    public void Fit_HeadThenFullThatSpoilsTheNetwork_GivesTheModelOfHeadOnly(int imagesPerClass)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        IDataView few = Keyed(_context, Create(imagesPerClass * 3, seed: 7, "one", "two", "three"), "one", "two", "three");
        using ResNetTransformer expected = Train(few, FineTuning(pretrained, FineTuningMode.HeadOnly));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.LearningRate = 5;
        options.WarmupEpochs = 0;

        using ResNetTransformer model = Train(few, options);

        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(model));
        Assert.HasCount(1, model.TrainingHistory);
    }

    [TestMethod]
    public void Fit_HeadThenFullWhoseTrialDiverges_WarnsAndGivesTheModelOfHeadOnly()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Create(180, seed: 7, "one", "two", "three"), "one", "two", "three");
        ResNetTrainer.Options head = FineTuning(pretrained, FineTuningMode.HeadOnly), options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        head.FeatureViews = options.FeatureViews = 0;
        using ResNetTransformer expected = Train(data, head);
        options.FreezeBatchNorm = true;
        options.LearningRate = 10;
        options.BackboneLearningRateScale = 1;
        options.WarmupEpochs = 0;
        options.Epochs = 40;
        options.WeightAveragingDecay = 0;
        var log = new LogRecorder(_context);

        using ResNetTransformer model = Train(data, options);

        Assert.IsTrue(log.Warnings.Any(warning => warning.StartsWith("The trial of fine-tuning failed: Training diverged", StringComparison.Ordinal)), string.Join("\n", log.Warnings));
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(model));
    }

    [TestMethod]
    public void Fit_HeadThenFullCancelledInItsFirstEpoch_ReturnsWhatThereIs()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        using var source = new CancellationTokenSource();
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.Epochs = 16;
        options.LearningRate = 0.1;
        options.CancellationToken = source.Token;
        options.CancellationHandling = CancellationHandling.ReturnBest;
        options.Progress = new SynchronousProgress(metrics =>
        {
            if (metrics is { Step: > 0, IsTrial: false })
            {
                source.Cancel();
            }
        });

        using ResNetTransformer model = Train(Keyed(_context, Stripes(160, seed: 1), "across", "down"), options);

        Assert.IsEmpty(model.TrainingHistory);
    }

    /// <summary>The trial tells of itself, and a cancellation in it gives the classifier that it had fitted.</summary>
    [TestMethod]
    public void Fit_HeadThenFullCancelledInItsTrial_ReturnsTheFittedClassifier()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        IDataView few = Keyed(_context, Create(160, seed: 7, "one", "two", "three"), "one", "two", "three");
        ResNetTrainer.Options Cancelled(CancellationHandling handling, out List<EpochMetrics> progress)
        {
            var source = new CancellationTokenSource();
            List<EpochMetrics> reports = progress = [];
            ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
            (options.Epochs, options.CancellationToken, options.CancellationHandling) = (4, source.Token, handling);
            options.EpochCallback = _ => Assert.Fail("The trial has no epochs of the training.");
            options.Progress = new SynchronousProgress(metrics =>
            {
                reports.Add(metrics);
                if (metrics.Epoch == 2)
                {
                    source.Cancel();
                }
            });
            return options;
        }

        using ResNetTransformer model = Train(few, Cancelled(CancellationHandling.ReturnBest, out List<EpochMetrics> progress));

        Assert.IsTrue(progress.All(metrics => metrics.IsTrial));
        Assert.IsTrue(progress.Any(metrics => metrics is { Step: > 0, IsEpochEnd: true, EpochCount: 4 }));
        Assert.IsEmpty(model.TrainingHistory);
        IDataView test = Keyed(_context, Create(60, seed: 8, "one", "two", "three"), "one", "two", "three");
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(few, Cancelled(CancellationHandling.Throw, out _)));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_HeadThenFullOfFeaturesThatDoNotHelp_IsBetterThanHeadOnly(bool hasValidationSet)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(160, seed: 1), "across", "down"), test = Keyed(_context, Stripes(200, seed: 2), "across", "down");
        using ResNetTransformer head = Train(data, FineTuning(pretrained, FineTuningMode.HeadOnly));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.Epochs = 16;
        options.LearningRate = 0.1;
        options.ValidationSet = hasValidationSet ? Keyed(_context, Stripes(100, seed: 3), "across", "down") : null;

        using ResNetTransformer model = Train(data, options);

        double headAccuracy = _context.MulticlassClassification.Evaluate(head.Transform(test)).MicroAccuracy, accuracy = _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
        Assert.IsGreaterThan(headAccuracy + 0.05, accuracy);
        Assert.HasCount(16, model.TrainingHistory);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_HeadThenFullThatSpoilsALargeSet_KeepsTheFittedClassifier(bool hasTimeLimit)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        IDataView many = Keyed(_context, Create(2001, seed: 7, "one", "two", "three"), "one", "two", "three"), test = Keyed(_context, Create(300, seed: 8, "one", "two", "three"), "one", "two", "three");
        using ResNetTransformer head = Train(many, FineTuning(pretrained, FineTuningMode.HeadOnly));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.LearningRate = 5;
        options.WarmupEpochs = 0;
        options.Epochs = hasTimeLimit ? 1000 : 2;
        options.MaxTrainingTime = hasTimeLimit ? TimeSpan.FromSeconds(6) : null;
        var log = new LogRecorder(_context);

        using ResNetTransformer model = Train(many, options);

        double headAccuracy = _context.MulticlassClassification.Evaluate(head.Transform(test)).MicroAccuracy, accuracy = _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
        Assert.IsGreaterThan(0.9, headAccuracy);
        Assert.IsGreaterThanOrEqualTo(headAccuracy - 0.02, accuracy);
        string informations = string.Join("\n", log.Informations);
        StringAssert.Contains(informations, "201 of the 2001 training images are held out");
        StringAssert.Contains(informations, "The weights 0 % of the way from the fitted classifier to the end are taken: held-out loss");
        Assert.IsEmpty(log.Warnings, string.Join("\n", log.Warnings));
    }

    [TestMethod]
    public void Fit_HeadThenFullOfALargeSetWithTime_IsBetterThanHeadOnly()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(2000, seed: 1), "across", "down"), test = Keyed(_context, Stripes(400, seed: 2), "across", "down");
        using ResNetTransformer head = Train(data, FineTuning(pretrained, FineTuningMode.HeadOnly));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.LearningRate = 0.1;
        options.Epochs = 3;

        using ResNetTransformer model = Train(data, options);

        double headAccuracy = _context.MulticlassClassification.Evaluate(head.Transform(test)).MicroAccuracy, accuracy = _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
        Assert.IsGreaterThan(headAccuracy, accuracy);
        Assert.HasCount(3, model.TrainingHistory);
        Assert.AreEqual(1800, model.TrainingHistory[0].ImageCount);
    }

    [TestMethod]
    public void Fit_HeadThenFullOfALargeSetWithoutTime_TrainsAStep()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.Epochs = 10_000;
        options.MaxTrainingTime = TimeSpan.FromMilliseconds(1);

        using ResNetTransformer model = Train(Keyed(_context, Create(2001, seed: 7, "one", "two", "three"), "one", "two", "three"), options);

        Assert.AreEqual(8, model.TrainingHistory.Single().ImageCount);
    }

    /// <summary>The moments are about those of the comparison after the last epoch, which evaluates five networks.</summary>
    [TestMethod]
    [DataRow(false, 0)]
    [DataRow(false, 4)]
    [DataRow(false, 12)]
    [DataRow(true, 0)]
    [DataRow(true, 4)]
    [DataRow(true, 12)]
    public void Fit_HeadThenFullCancelledAfterItsLastEpoch_ReturnsTheModel(bool hasValidationSet, int milliseconds)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        using var source = new CancellationTokenSource();
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        options.Epochs = 1;
        options.ValidationSet = hasValidationSet ? Keyed(_context, Stripes(400, seed: 3), "across", "down") : null;
        options.CancellationToken = source.Token;
        options.CancellationHandling = CancellationHandling.ReturnBest;
        options.EpochCallback = _ => source.CancelAfter(milliseconds);

        using ResNetTransformer model = Train(Keyed(_context, Stripes(2000, seed: 1), "across", "down"), options);

        Assert.HasCount(1, model.TrainingHistory);
        Assert.IsTrue(float.IsFinite(Scores(model, Keyed(_context, Stripes(4, seed: 2), "across", "down"))[0][0]));
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
}
