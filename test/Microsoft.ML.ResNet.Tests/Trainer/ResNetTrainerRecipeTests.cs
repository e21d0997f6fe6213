using Microsoft.ML.Data;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Validation, stopping, weights, time and cancellation, as a user sets them.</summary>
[TestClass]
public sealed class ResNetTrainerRecipeTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Fit_ValidationThatGetsWorse_GivesTheBestEpochsModel()
    {
        // The validation set has wrong labels: the better the network learns, the worse it gets there.
        IDataView validation = Keyed(_context, Create(30, seed: 5, "blue", "red", "green"), "red", "green", "blue");
        ResNetTrainer.Options options = Options(epochs: 8);
        options.ValidationSet = validation;
        options.ValidationMetric = ValidationMetric.Loss;
        options.WeightAveragingDecay = 0;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(60)));

        EpochMetrics last = model.TrainingHistory[^1], best = model.TrainingHistory[last.BestEpoch!.Value - 1];
        MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(model.Transform(validation));
        Assert.IsGreaterThan(best.ValidationLoss!.Value, last.ValidationLoss!.Value);
        Assert.AreEqual(model.TrainingHistory.Min(epoch => epoch.ValidationLoss), last.BestValidationMetric);
        Assert.AreEqual(best.ValidationAccuracy!.Value, metrics.MicroAccuracy, 1e-9);
        Assert.AreEqual(best.ValidationLoss.Value, metrics.LogLoss, 1e-4);
    }

    [TestMethod]
    public void Fit_PatienceIsOver_StopsAndASecondFitDoesTheSame()
    {
        ResNetTrainer.Options options = Options(epochs: 50);
        options.ValidationSet = Keyed(_context, Create(30, seed: 5, "blue", "red", "green"), "red", "green", "blue");
        options.EarlyStoppingPatience = 2;
        options.WeightAveragingDecay = 0;
        ResNetTrainer trainer = _context.MulticlassClassification.Trainers.ResNet(options);
        IDataView data = Keyed(_context, Create(60));

        using ResNetTransformer first = trainer.Fit(data), second = trainer.Fit(data);

        EpochMetrics last = first.TrainingHistory[^1];
        Assert.IsLessThan(50, first.TrainingHistory.Count);
        Assert.AreEqual(last.Epoch, last.EpochCount);
        Assert.AreEqual(TimeSpan.Zero, last.Remaining);
        CollectionAssert.AreEqual(
            first.TrainingHistory.Select(epoch => epoch.ValidationLoss).ToArray(), second.TrainingHistory.Select(epoch => epoch.ValidationLoss).ToArray());
    }

    [TestMethod]
    public void Fit_NothingImproves_StopsAPatienceAfterTheWarmup()
    {
        ResNetTrainer.Options options = Options(epochs: 20);
        options.ValidationFraction = 0.2;
        options.WarmupEpochs = 3;
        options.EarlyStoppingPatience = 2;
        options.EarlyStoppingMinDelta = 1;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(60)));

        Assert.HasCount(5, model.TrainingHistory);
    }

    [TestMethod]
    public void Fit_NothingImprovesInOneCycle_StopsAPatienceAfterTheRise()
    {
        ResNetTrainer.Options options = Options(epochs: 20);
        options.LearningRateDecay = LearningRateDecay.OneCycle;
        options.ValidationFraction = 0.2;
        options.EarlyStoppingPatience = 2;
        options.EarlyStoppingMinDelta = 1;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(60)));

        Assert.HasCount(8, model.TrainingHistory);
    }

    [TestMethod]
    public void Fit_ValidationFraction_SetsAShareAside()
    {
        List<EpochMetrics> epochs = [];
        ResNetTrainer.Options options = Options(epochs: 6);
        options.ValidationFraction = 0.2;
        options.EpochCallback = epochs.Add;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(60)));

        Assert.IsTrue(epochs.All(epoch => epoch.ImageCount == 48 && epoch.ValidationLoss is not null && epoch.BestEpoch is not null));
        Assert.IsGreaterThan(0.9, epochs[^1].BestValidationMetric!.Value);
        Assert.AreEqual(3, epochs[^1].TopK);
        Assert.AreEqual(1.0, epochs[^1].ValidationTopKAccuracy);
    }

    [TestMethod]
    public void Fit_ExampleWeightsOfZero_LeaveRowsOut()
    {
        // Half of the rows are wrong, and count nothing.
        List<WeightedRow> rows = [.. Create(60).Select((row, i) => new WeightedRow { Features = row.Features, Label = i % 2 == 0 ? row.Label : "red", Weight = i % 2 == 0 ? 1 : 0 })];
        ResNetTrainer.Options options = Options(epochs: 10);
        options.ExampleWeightColumnName = "Weight";

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, rows, Colours));

        IDataView test = Keyed(_context, Create(60, seed: 2), Colours);
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
    }

    [TestMethod]
    [DataRow(-1f, "Example weight column 'Weight' has -1 in row 1, expected a finite number of 0 or more.")]
    [DataRow(float.NaN, "Example weight column 'Weight' has NaN in row 1, expected a finite number of 0 or more.")]
    public void Fit_ExampleWeightOutOfRange_NamesTheRow(float weight, string expected)
    {
        List<WeightedRow> rows = [.. Create(6).Select((row, i) => new WeightedRow { Features = row.Features, Label = row.Label, Weight = i == 1 ? weight : 1 })];
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ExampleWeightColumnName = "Weight";

        Assert.AreEqual(expected, Assert.ThrowsExactly<InvalidDataException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, rows))).Message);
    }

    [TestMethod]
    public void Fit_ExampleWeightColumnOfAnotherType_SaysWhatToAdd()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ExampleWeightColumnName = "Features";

        string message = Assert.ThrowsExactly<ArgumentException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(6)))).Message;

        StringAssert.StartsWith(message, "Example weight column 'Features' has type Vector<Single, 3, 8, 8>, expected Single.");
    }

    [TestMethod]
    public void Fit_ClassWeights_ShiftThePredictions()
    {
        // The pictures say nothing, so that the scores are the classes' weighted shares.
        List<PixelRow> rows = [.. Create(64).Select((row, i) => new PixelRow { Features = Pixels(0, new Random(i)), Label = i % 4 == 0 ? "rare" : "frequent" })];
        IDataView data = Keyed(_context, rows);

        Assert.AreEqual(0.25f, MeanScore(_ => { }), 0.12f);
        Assert.AreEqual(0.5f, MeanScore(options => (options.ClassWeighting, options.ClassWeightingStart) = (ClassWeighting.Balanced, 0)), 0.12f);
        Assert.AreEqual(0.9f, MeanScore(options => options.ClassWeights = new Dictionary<string, float> { ["rare"] = 27 }), 0.12f);

        float MeanScore(Action<ResNetTrainer.Options> set)
        {
            ResNetTrainer.Options options = Options(epochs: 15, batchSize: 64);
            options.LabelSmoothing = 0;
            set(options);
            using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
            return Scores(model, data).Average(scores => scores[model.ClassNames.ToList().IndexOf("rare")]);
        }
    }

    [TestMethod]
    public void Fit_BalancedClasses_CountTheSameInTheLastFifth()
    {
        // As above: the loss on the training images is that of their shares before, and of equal shares after.
        List<PixelRow> rows = [.. Create(64).Select((row, i) => new PixelRow { Features = Pixels(0, new Random(i)), Label = i % 4 == 0 ? "rare" : "frequent" })];
        IDataView data = Keyed(_context, rows);
        ResNetTrainer.Options options = Options(epochs: 40, batchSize: 64);
        options.ClassWeighting = ClassWeighting.Balanced;
        options.LearningRateDecay = LearningRateDecay.Constant;
        options.WeightAveragingDecay = 0;
        options.ValidationSet = data;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

        IReadOnlyList<EpochMetrics> history = model.TrainingHistory;
        Assert.IsTrue(history.Take(32).All(epoch => epoch.BestEpoch is null && epoch.BestValidationMetric is null));
        Assert.IsTrue(history.Skip(32).All(epoch => epoch.BestEpoch > 32));
        Assert.AreEqual(history.Skip(32).Max(epoch => epoch.ValidationMacroAccuracy), history[^1].BestValidationMetric);
        Assert.AreEqual(0.5622, history[31].TrainingLoss, 0.03, "-(0.25 ln 0.25 + 0.75 ln 0.75)");
        Assert.AreEqual(0.6931, history[^1].TrainingLoss, 0.03, "ln 2");
    }

    [TestMethod]
    public void Fit_BalancedClasses_StopEarlyOnlyAfterTheirWeightsCount()
    {
        ResNetTrainer.Options options = Options(epochs: 20);
        options.ClassWeighting = ClassWeighting.Balanced;
        options.ClassWeightingStart = 0.5;
        options.ValidationSet = Keyed(_context, Create(30, seed: 5, "blue", "red", "green"), "red", "green", "blue");
        options.EarlyStoppingPatience = 2;

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(60)));

        Assert.IsInRange(12, 19, model.TrainingHistory.Count);
    }

    [TestMethod]
    public void Fit_ClassWeightOfAnUnknownClass_NamesTheClasses()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ClassWeights = new Dictionary<string, float> { ["purple"] = 2 };

        Assert.AreEqual(
            "ClassWeights name 'purple', but label column 'Label' has the classes 'red', 'green', 'blue'. Name classes as the label column does.",
            Assert.ThrowsExactly<ArgumentException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(6)))).Message);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_MaxTrainingTime_EndsInTimeWithALowerRate()
    {
        List<EpochMetrics> progress = [];
        ResNetTrainer.Options options = Options(epochs: 10_000);
        options.MaxTrainingTime = TimeSpan.FromSeconds(1.5);
        options.Progress = new SynchronousProgress(progress.Add);
        IDataView data = Keyed(_context, Create(96));

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

        EpochMetrics last = model.TrainingHistory[^1];
        Assert.IsLessThanOrEqualTo(TimeSpan.FromSeconds(2), last.Elapsed);
        Assert.IsGreaterThan(TimeSpan.FromSeconds(0.75), last.Elapsed);

        // How near to its end the rate comes is tested by a clock that counts: where another thread wants a processor, steps of 4 ms become some of 60.
        Assert.IsLessThan(progress[0].LearningRate, last.LearningRate);
        Assert.IsTrue(last.IsEpochEnd);
        Assert.AreEqual(last.Epoch, last.EpochCount);
        Assert.IsTrue(progress.Zip(progress.Skip(1)).All(pair => pair.First.LearningRate >= pair.Second.LearningRate));
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_CancelledWithReturnBest_GivesTheModelSoFar()
    {
        using var source = new CancellationTokenSource();
        List<EpochMetrics> progress = [];
        ResNetTrainer.Options options = Options(epochs: 100, batchSize: 4);
        options.CancellationToken = source.Token;
        options.CancellationHandling = CancellationHandling.ReturnBest;
        options.Progress = new SynchronousProgress(step =>
        {
            progress.Add(step);
            if (progress.Count == 3)
            {
                source.Cancel();
            }
        });
        IDataView data = Keyed(_context, Create(20));
        long tensors = LiveTensors.CountAfterCollection();

        using (ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(data))
        {
            Assert.HasCount(3, progress);
            Assert.HasCount(0, model.TrainingHistory);
            Assert.HasCount(20, Scores(model, data));
        }

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Fit_CancelledBeforeTheFirstStep_ThrowsInAnyCase()
    {
        ResNetTrainer.Options options = Options(epochs: 100, batchSize: 4);
        options.CancellationToken = new CancellationToken(canceled: true);
        options.CancellationHandling = CancellationHandling.ReturnBest;

        Assert.ThrowsExactly<OperationCanceledException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(20))));
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow(TrainingOptimizer.AdamW, LearningRateDecay.Cosine)]
    [DataRow(TrainingOptimizer.Sgd, LearningRateDecay.OneCycle)]
    [DataRow(TrainingOptimizer.Sgd, LearningRateDecay.Step)]
    public void Fit_OtherRecipes_Learn(TrainingOptimizer optimizer, LearningRateDecay decay)
    {
        ResNetTrainer.Options options = Options(epochs: 8);
        options.Optimizer = optimizer;
        options.LearningRate = optimizer == TrainingOptimizer.AdamW ? 0.01 : 0.05;
        options.LearningRateDecay = decay;
        options.MaxGradientNorm = 5;
        long tensors = LiveTensors.CountAfterCollection();

        using (ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(96))))
        {
            Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(Keyed(_context, Create(48, seed: 2)))).MicroAccuracy);
        }

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    private sealed class WeightedRow
    {
        public string Label { get; set; } = "";

        [VectorType(3, 8, 8)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; }
    }
}
