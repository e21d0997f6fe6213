using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Trainings that leave the first stages of a network as they are.</summary>
[TestClass]
public sealed class FrozenStagesTests
{
    private static readonly ResNetSpecification Kernels = new() { Depths = [1, 1, 1], Widths = [16, 16, 32], Stem = ResNetStem.Cifar };

    // Its widths do not fill vectors: it is trained by libtorch's differentiation.
    private static readonly ResNetSpecification Autograd = Kernels with { Widths = [6, 8, 10] };

    private readonly MLContext _context = new(1);

    /// <summary>Through a trial, an average of the weights, weight decay, clipping, accumulated gradients and statistics that are estimated anew.</summary>
    [TestMethod]
    [DataRow(false, FineTuningMode.Full, 1, 1, TrainingPrecision.Float32)]
    [DataRow(false, FineTuningMode.Full, 2, 2, TrainingPrecision.Float32)]
    [DataRow(true, FineTuningMode.Full, 2, 1, TrainingPrecision.Float32)]
    [DataRow(true, FineTuningMode.Full, 1, 2, TrainingPrecision.Float32)]
    [DataRow(false, FineTuningMode.HeadThenFull, 2, 1, TrainingPrecision.Float32)]
    [DataRow(true, FineTuningMode.HeadThenFull, 1, 1, TrainingPrecision.Float32)]
    [DataRow(false, null, 2, 1, TrainingPrecision.Float32)]
    [DataRow(false, FineTuningMode.Full, 2, 1, TrainingPrecision.BFloat16)]
    public void Fit_FrozenStages_StayBitForBitAndTheOthersLearn(bool isAutograd, FineTuningMode? mode, int stages, int accumulate, TrainingPrecision precision)
    {
        using ResNetTransformer start = Start(isAutograd);
        ResNetTrainer.Options options = From(start, mode, stages);
        (options.AccumulateSteps, options.MaxGradientNorm, options.Precision) = (accumulate, 1, precision);
        string[] names = mode is null ? ["red", "green", "blue"] : ["one", "two"];
        using var source = new CancellationTokenSource();
        if (mode == FineTuningMode.HeadThenFull)
        {
            // A cancellation before the comparison, which may find that the classifier alone is best.
            (options.ValidationSet, options.RestoreBestWeights) = (Keyed(_context, Create(30, seed: 9, names), names), false);
            (options.CancellationToken, options.CancellationHandling) = (source.Token, CancellationHandling.ReturnBest);
            options.EpochCallback = metrics =>
            {
                if (metrics.Epoch == options.Epochs)
                {
                    source.Cancel();
                }
            };
        }

        using ResNetTransformer model = Train(Keyed(_context, Create(48, seed: 7, names), names), options);

        Dictionary<string, float[]> before = SavedWeights.Of(start), after = SavedWeights.Of(model);
        string[] frozen = [.. before.Keys.Where(name => name.StartsWith("conv1", StringComparison.Ordinal) || name.StartsWith("bn1", StringComparison.Ordinal) || Enumerable.Range(1, stages).Any(stage => name.StartsWith($"layer{stage}.", StringComparison.Ordinal)))];
        Assert.IsGreaterThan(10, frozen.Length);
        foreach (string name in frozen)
        {
            CollectionAssert.AreEqual(before[name], after[name], name);
        }

        foreach (string name in before.Keys.Except(frozen).Where(name => !name.StartsWith("fc.", StringComparison.Ordinal)))
        {
            CollectionAssert.AreNotEqual(before[name], after[name], name);
        }
    }

    /// <summary>A training that goes on with the classes of the weights, which isn't called fine-tuning.</summary>
    [TestMethod]
    public void Fit_FreezeBatchNormWithTheClassifierKept_LeavesTheStatistics()
    {
        using ResNetTransformer start = Start(isAutograd: false);
        ResNetTrainer.Options options = From(start, mode: null, stages: 0);
        options.FreezeBatchNorm = true;

        using ResNetTransformer model = Train(Keyed(_context, Create(48, seed: 7)), options);

        Dictionary<string, float[]> before = SavedWeights.Of(start), after = SavedWeights.Of(model);
        CollectionAssert.AreEqual(before["layer3.0.bn1.running_var"], after["layer3.0.bn1.running_var"]);
        CollectionAssert.AreNotEqual(before["layer1.0.conv1.weight"], after["layer1.0.conv1.weight"]);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_AllStagesFrozen_TrainsTheClassifierAlone(bool isAutograd)
    {
        using ResNetTransformer start = Start(isAutograd);
        IDataView test = Keyed(_context, Create(60, seed: 8, "one", "two"), "one", "two");

        using ResNetTransformer model = Train(Keyed(_context, Create(48, seed: 7, "one", "two"), "one", "two"), From(start, FineTuningMode.Full, stages: 3, epochs: 20));

        Dictionary<string, float[]> before = SavedWeights.Of(start), after = SavedWeights.Of(model);
        foreach (string name in before.Keys.Where(name => !name.StartsWith("fc.", StringComparison.Ordinal)))
        {
            CollectionAssert.AreEqual(before[name], after[name], name);
        }

        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
    }

    /// <summary>With synchronised ranks and buckets that go out before the end of a pass.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_SeveralRanks_LeaveTheStagesAlike(bool isAutograd)
    {
        using ResNetTransformer start = Start(isAutograd);
        Dictionary<string, float[]>[] models = MemoryProcessGroup.Run(3, group =>
        {
            ResNetTrainer.Options options = From(start, FineTuningMode.Full, stages: 1);
            options.ProcessGroup = group;
            using ResNetTransformer model = Train(Keyed(_context, Create(48, seed: 7, "one", "two"), "one", "two"), options);
            return SavedWeights.Of(model);
        });

        Dictionary<string, float[]> before = SavedWeights.Of(start);
        SavedWeights.AssertEqual(models[0], models[1]);
        SavedWeights.AssertEqual(models[0], models[2]);
        foreach (string name in before.Keys.Where(name => name.StartsWith("layer1.", StringComparison.Ordinal)))
        {
            CollectionAssert.AreEqual(before[name], models[0][name], name);
        }

        CollectionAssert.AreNotEqual(before["layer2.0.conv1.weight"], models[0]["layer2.0.conv1.weight"]);
    }

    [TestMethod]
    public void Fit_Resumed_GoesOnAsIfItHadNotStopped()
    {
        using ResNetTransformer start = Start(isAutograd: false);
        IDataView data = Keyed(_context, Create(48, seed: 7, "one", "two"), "one", "two");
        using ResNetTransformer whole = Train(data, From(start, FineTuningMode.Full, stages: 2));
        using var folder = new TemporaryFolder();
        using var source = new CancellationTokenSource();
        ResNetTrainer.Options options = From(start, FineTuningMode.Full, stages: 2);
        (options.CheckpointDirectory, options.ResumeFromCheckpoint, options.CancellationToken) = (folder.Path, true, source.Token);
        options.EpochCallback = metrics =>
        {
            if (metrics.Epoch == 2)
            {
                source.Cancel();
            }
        };
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(data, options));
        options.CancellationToken = default;

        using ResNetTransformer resumed = Train(data, options);

        SavedWeights.AssertEqual(SavedWeights.Of(whole), SavedWeights.Of(resumed));
        options.FrozenStages = 1;
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Train(data, options)).Message, "FrozenStages was '2' and is '1'");
    }

    [TestMethod]
    public void FindLearningRate_FrozenStages_Runs()
    {
        using ResNetTransformer start = Start(isAutograd: false);

        LearningRateCurve curve = _context.MulticlassClassification.Trainers.ResNet(From(start, FineTuningMode.Full, stages: 1)).FindLearningRate(Keyed(_context, Create(48, seed: 7, "one", "two"), "one", "two"));

        Assert.IsGreaterThan(10, curve.Points.Count);
    }

    [TestMethod]
    public void Fit_MoreStagesThanThereAre_SaysHowMany()
    {
        using ResNetTransformer start = Start(isAutograd: false);

        Assert.AreEqual(
            "FrozenStages is 4; expected 0 to 3, the number of stages of the pretrained network.",
            Assert.ThrowsExactly<ArgumentException>(() => Train(Keyed(_context, Create(12)), From(start, FineTuningMode.Full, stages: 4))).Message);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Train(Keyed(_context, Create(12)), From(start, FineTuningMode.Full, stages: -1))).Message,
            "FrozenStages is -1; expected 0 to 4.");
    }

    private ResNetTransformer Start(bool isAutograd)
    {
        ResNetTrainer.Options options = Options(epochs: 2);
        options.Specification = isAutograd ? Autograd : Kernels;
        return Train(Keyed(_context, Create(96)), options);
    }

    private static ResNetTrainer.Options From(ResNetTransformer start, FineTuningMode? mode, int stages, int epochs = 4)
    {
        ResNetTrainer.Options options = Options(epochs);
        (options.Specification, options.PretrainedWeights, options.FineTuning, options.FrozenStages) = (null, ResNetWeights.FromTransformer(start), mode, stages);
        return options;
    }

    private ResNetTransformer Train(IDataView data, ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
}
