using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>The time limit where features are computed once and a classifier is fitted to them.</summary>
[TestClass]
[DoNotParallelize]
public sealed class HeadTimeLimitTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Fit_HeadOnlyWithoutTime_UsesSomeImagesOfEachClassAndSaysSo()
    {
        using ResNetTransformer pretrained = Pretrained();
        var log = new LogRecorder(_context);
        ResNetTrainer.Options options = HeadOf(pretrained, TimeSpan.FromTicks(1));
        options.ValidationSet = Keyed(_context, Create(90, seed: 8));
        List<PixelRow> rows = [.. Create(240, seed: 7).OrderBy(row => row.Label)];

        using ResNetTransformer model = Train(Keyed(_context, rows, Colours), options);

        EpochMetrics only = model.TrainingHistory.Single();
        Assert.AreEqual(64, only.ImageCount);
        Assert.IsNotNull(only.ValidationAccuracy);
        CollectionAssert.Contains(
            log.Warnings.ToArray(),
            "MaxTrainingTime left time for the features of 64 of 240 images: the classifier is fitted to these, each class by its share. Raise MaxTrainingTime to use all.");
        CollectionAssert.Contains(
            log.Informations.ToArray(),
            "MaxTrainingTime leaves no time to validate on all 90 images: the classifier is validated on 16 of them, each class by its share.");
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(Keyed(_context, Create(60, seed: 9), Colours))).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_HeadOnlyWithTimeForAll_GivesTheSameModelAsWithoutALimit()
    {
        using ResNetTransformer pretrained = Pretrained();
        IDataView data = Keyed(_context, Create(90, seed: 7));
        ResNetTrainer.Options without = HeadOf(pretrained, limit: null), with = HeadOf(pretrained, TimeSpan.FromHours(1));
        without.FeatureViews = with.FeatureViews = 2;
        without.ValidationFraction = with.ValidationFraction = 0.3;

        using ResNetTransformer expected = Train(data, without), model = Train(data, with);

        Dictionary<string, float[]> weights = SavedWeights.Of(expected);
        foreach (var (name, values) in SavedWeights.Of(model))
        {
            CollectionAssert.AreEqual(weights[name], values, name);
        }

        Assert.AreEqual(expected.TrainingHistory[0].ValidationLoss, model.TrainingHistory[0].ValidationLoss);
    }

    [TestMethod]
    public void Fit_HeadThenFullWithoutTime_TrainsAStep()
    {
        using ResNetTransformer pretrained = Pretrained();
        ResNetTrainer.Options options = HeadOf(pretrained, TimeSpan.FromTicks(1));
        options.FineTuning = FineTuningMode.HeadThenFull;
        options.Epochs = 50;
        options.ValidationFraction = 0.4;

        using ResNetTransformer model = Train(Keyed(_context, Create(240, seed: 7)), options);

        EpochMetrics only = model.TrainingHistory.Single();
        Assert.AreEqual(1, only.Step);
        Assert.IsNotNull(only.ValidationAccuracy);
    }

    private static ResNetTrainer.Options HeadOf(ResNetTransformer pretrained, TimeSpan? limit) => new()
    {
        PretrainedWeights = ResNetWeights.FromTransformer(pretrained),
        FineTuning = FineTuningMode.HeadOnly,
        BatchSize = 8,
        RandomCropPadding = 1,
        MaxTrainingTime = limit,
    };

    private ResNetTransformer Pretrained() => Train(Keyed(_context, Create(96)), Options(epochs: 6));

    private ResNetTransformer Train(IDataView data, ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
}
