using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>Trainings of several ranks and of accumulated gradients, beside trainings in one process with large batches.</summary>
[TestClass]
public sealed class DataParallelTests
{
    private const int Count = 104, StepSize = 16, Epochs = 4;

    private static readonly ResNetSpecification Kernels = new() { Depths = [1, 1], Widths = [16, 32], Stem = ResNetStem.Cifar };

    // Its widths do not fill vectors: it is trained by libtorch's differentiation.
    private static readonly ResNetSpecification Autograd = Kernels with { Widths = [6, 10] };

    private static readonly MLContext Context = new(1);

    private static readonly IDataView Data = Keyed(Count, seed: 1), Validation = Keyed(37, seed: 2);

    /// <summary>With frozen normalisation each image is taken by itself: the batches of a step then give what one batch of all their images gives.</summary>
    [TestMethod]
    [DataRow(2, false)]
    [DataRow(4, false)]
    [DataRow(2, true)]
    public void AccumulateSteps_FrozenNormalization_TrainsAsLargeBatches(int accumulate, bool isAutograd)
    {
        using ResNetTransformer start = Start(isAutograd);
        ResNetTrainer.Options large = Options(StepSize), small = Options(StepSize / accumulate);
        small.AccumulateSteps = accumulate;
        foreach (ResNetTrainer.Options options in (ResNetTrainer.Options[])[large, small])
        {
            options.Specification = null;
            options.FineTuning = FineTuningMode.Full;
            options.FreezeBatchNorm = true;
            options.ExampleWeightColumnName = "Weight";
            options.ClassWeights = new Dictionary<string, float> { ["red"] = 2, ["blue"] = 0.5f };
            options.LabelSmoothing = 0.1;
            options.MaxGradientNorm = 0.5;
        }

        using ResNetTransformer expected = Trainer(large).Fit(Data, start), actual = Trainer(small).Fit(Data, start);

        Assert.HasCount(Epochs, actual.TrainingHistory);
        for (int i = 0; i < Epochs; i++)
        {
            Assert.AreEqual(expected.TrainingHistory[i].ValidationLoss!.Value, actual.TrainingHistory[i].ValidationLoss!.Value, 1e-4, $"epoch {i + 1}");
            Assert.AreEqual(expected.TrainingHistory[i].Step, actual.TrainingHistory[i].Step);
            Assert.AreEqual(Count, actual.TrainingHistory[i].ImageCount);
        }

        Assert.AreNotEqual(expected.TrainingHistory[0].ValidationLoss!.Value, expected.TrainingHistory[^1].ValidationLoss!.Value, 0.05, "It has learnt.");
    }

    /// <summary>Normalisation takes its statistics from each batch: two ranks train as one process that accumulates two batches.</summary>
    [TestMethod]
    [DataRow(1, 4, false)]
    [DataRow(2, 2, false)]
    [DataRow(4, 1, false)]
    [DataRow(2, 2, true)]
    [DataRow(4, 1, true)]
    public void Fit_AnyRanks_GoOnWithACheckpointAlike(int ranks, int accumulate, bool isAutograd)
    {
        using var folder = new TemporaryFolder();
        Begin(folder, isAutograd);

        EpochMetrics[] two = Resume(folder, 2, 2, isAutograd), other = Resume(folder, ranks, accumulate, isAutograd);

        Assert.AreEqual(Epochs, other.Length);
        for (int i = 1; i < Epochs; i++)
        {
            // What differs in the validation is the running statistics alone, which are those of each rank's own batches.
            Assert.AreEqual(two[i].TrainingLoss, other[i].TrainingLoss, 1e-4, $"epoch {i + 1}");
            Assert.AreEqual(two[i].ValidationLoss!.Value, other[i].ValidationLoss!.Value, 0.1, $"epoch {i + 1}");
            Assert.AreEqual(two[i].Step, other[i].Step);
            Assert.AreEqual(Count, other[i].ImageCount, "Every row once.");
        }
    }

    /// <summary>With synchronised normalisation ranks are as one process with a batch of all their images, which has no such thing.</summary>
    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    public void SynchronizeBatchNorm_AnyRanks_TrainAsOneProcessWithALargeBatch(int ranks)
    {
        VectorInstructions.Require();
        using var folder = new TemporaryFolder();
        Begin(folder, isAutograd: false);

        EpochMetrics[] one = Resume(folder, 1, 1, isAutograd: false), several = Resume(folder, ranks, 1, isAutograd: false, isSynchronized: true);
        EpochMetrics[] apart = Resume(folder, ranks, 1, isAutograd: false);

        for (int i = 1; i < Epochs; i++)
        {
            Assert.AreEqual(one[i].TrainingLoss, several[i].TrainingLoss, 1e-4, $"epoch {i + 1}");
            Assert.AreEqual(one[i].ValidationLoss!.Value, several[i].ValidationLoss!.Value, 1e-3, $"epoch {i + 1}");
        }

        Assert.AreNotEqual(one[^1].TrainingLoss, apart[^1].TrainingLoss, 1e-3, "Without it they differ.");
        Assert.IsGreaterThanOrEqualTo(20, one[^1].Step - 3);
    }

    /// <summary>The two networks go two ways.</summary>
    [TestMethod]
    public void Networks_AreTrainedByKernelsAndByDifferentiation()
    {
        VectorInstructions.Require();
        using var kernels = new ResidualNetwork(Kernels, 3, 3, seed: 1);
        using var autograd = new ResidualNetwork(Autograd, 3, 3, seed: 1);

        Assert.IsTrue(VectorTraining.Supports(kernels, TorchSharp.torch.CPU));
        Assert.IsFalse(VectorTraining.Supports(autograd, TorchSharp.torch.CPU));
    }

    [TestMethod]
    public void SynchronizeBatchNorm_NetworkWithoutKernels_SaysWhatItGoesWith()
    {
        string message = Assert.ThrowsExactly<InvalidOperationException>(() => MemoryProcessGroup.Run(2, group =>
        {
            ResNetTrainer.Options options = Options(8, group);
            options.Specification = Autograd;
            options.SynchronizeBatchNorm = true;
            Trainer(options).Fit(Data).Dispose();
            return 0;
        })).Message;

        StringAssert.Contains(message, "SynchronizeBatchNorm is set, and this training is by libtorch's operators");
    }

    [TestMethod]
    public void Fit_ThreeRanks_GiveTheSameModelOfWhatRankZeroReports()
    {
        int[] reports = new int[3];
        byte[][] weights = MemoryProcessGroup.Run(3, group =>
        {
            ResNetTrainer.Options options = Options(6, group);
            options.WeightAveragingDecay = 0.9;
            options.MaxGradientNorm = 1;
            options.EpochCallback = _ => reports[group.Rank]++;
            options.CalibrateScores = true;
            options.TestTimeAugmentation = TestTimeAugmentation.HorizontalFlip;
            using ResNetTransformer model = Trainer(options).Fit(Data);
            using var stream = new MemoryStream();
            model.WriteWeights(stream);
            Assert.HasCount(Epochs, model.TrainingHistory);
            Assert.AreNotEqual(1, model.Temperature);
            return stream.ToArray();
        });

        CollectionAssert.AreEqual(new[] { Epochs, 0, 0 }, reports);
        CollectionAssert.AreEqual(weights[0], weights[1]);
        CollectionAssert.AreEqual(weights[0], weights[2]);
    }

    [TestMethod]
    public void Fit_OtherOptionsOrData_SayWhichRankAndWhat()
    {
        string options = Assert.ThrowsExactly<InvalidOperationException>(() => MemoryProcessGroup.Run(2, group =>
        {
            ResNetTrainer.Options own = Options(8, group);
            own.Epochs += group.Rank;
            Trainer(own).Fit(Data).Dispose();
            return 0;
        })).Message;
        string data = Assert.ThrowsExactly<InvalidOperationException>(() => MemoryProcessGroup.Run(2, group =>
        {
            Trainer(Options(8, group)).Fit(group.Rank == 0 ? Data : Context.Data.TakeRows(Data, Count - 1)).Dispose();
            return 0;
        })).Message;

        StringAssert.Contains(options, "Rank 1 has other options or data than rank 0: Epochs is '5', on rank 0 '4'. All ranks need the same options");
        StringAssert.Contains(data, "Rank 1 has other options or data than rank 0: ");
        StringAssert.Contains(data, "Training images is '103, ");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Fit_OneRankFails_EndsAll(int failing)
    {
        string message = Assert.ThrowsExactly<InvalidOperationException>(() => MemoryProcessGroup.Run(3, group =>
        {
            IDataView data = group.Rank != failing ? Data : Broken();
            Trainer(Options(6, group)).Fit(data).Dispose();
            return 0;
        })).Message;

        StringAssert.Contains(message, $"Rank {failing} of 3: ");
        StringAssert.Contains(message, "The disk is gone.");
    }

    [TestMethod]
    public void Fit_OneRankIsCancelled_AllReturnTheBestModel()
    {
        byte[][] weights = MemoryProcessGroup.Run(2, group =>
        {
            using var cancellation = new CancellationTokenSource();
            ResNetTrainer.Options options = Options(8, group);
            options.Epochs = 500;
            options.CancellationHandling = CancellationHandling.ReturnBest;
            options.CancellationToken = cancellation.Token;
            if (group.Rank == 1)
            {
                cancellation.CancelAfter(TimeSpan.FromSeconds(1));
            }

            using ResNetTransformer model = Trainer(options).Fit(Data);
            Assert.IsLessThan(500, model.TrainingHistory.Count);
            using var stream = new MemoryStream();
            model.WriteWeights(stream);
            return stream.ToArray();
        });

        CollectionAssert.AreEqual(weights[0], weights[1]);
    }

    [TestMethod]
    public void Fit_TimeLimit_IsRankZeros()
    {
        int[] steps = MemoryProcessGroup.Run(2, group =>
        {
            ResNetTrainer.Options options = Options(8, group);
            options.Epochs = 2000;
            options.MaxTrainingTime = TimeSpan.FromSeconds(3);
            using ResNetTransformer model = Trainer(options).Fit(Data);
            return (int)model.TrainingHistory[^1].Step;
        });

        Assert.AreEqual(steps[0], steps[1]);
        Assert.IsLessThan(2000 * 7, steps[0]);
    }

    [TestMethod]
    public void Options_WhatRanksCannotDo_IsAFault()
    {
        string message = MemoryProcessGroup.Run(2, group => Assert.ThrowsExactly<ArgumentException>(() => Trainer(new ResNetTrainer.Options
        {
            ProcessGroup = group,
            FineTuning = FineTuningMode.HeadOnly,
            AccumulateSteps = 0,
        })).Message)[0];

        StringAssert.Contains(message, "AccumulateSteps is 0; expected 1 to 10000.");
        StringAssert.Contains(message, "FineTuning is HeadOnly, which one process does, and ProcessGroup has 2; expected Full.");
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidOperationException>(() => MemoryProcessGroup.Run(4, group =>
            {
                Trainer(Options(2, group)).Fit(Context.Data.TakeRows(Data, 7)).Dispose();
                return 0;
            })).Message,
            "There are 7 training images for steps of 4 batches, expected at least two for each batch. Lower AccumulateSteps, or train with fewer processes.");
    }

    /// <summary>Data whose reading ends in an error.</summary>
    private static IDataView Broken()
    {
        static IEnumerable<Row> Rows()
        {
            yield return new Row { Label = "red", Features = new float[3 * 64] };
            throw new IOException("The disk is gone.");
        }

        IDataView keys = Context.Data.LoadFromEnumerable(PixelRows.Colours.Select(label => new { Label = label }));
        IDataView data = Context.Data.LoadFromEnumerable(Rows());
        return Context.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    /// <summary>Begins a training by two ranks, and stops it in the second epoch: in the middle of the order of two shards.</summary>
    private static void Begin(TemporaryFolder folder, bool isAutograd) => MemoryProcessGroup.Run(2, group =>
    {
        using var cancellation = new CancellationTokenSource();
        ResNetTrainer.Options options = Options(StepSize / 4, group);
        options.Specification = isAutograd ? Autograd : Kernels;
        options.AccumulateSteps = 2;
        options.CheckpointDirectory = folder.File("begun");
        options.CheckpointInterval = TimeSpan.Zero;
        options.CancellationToken = cancellation.Token;
        options.Progress = new SynchronousProgress(metrics => Cancel(metrics, cancellation));
        Assert.ThrowsExactly<OperationCanceledException>(() => Trainer(options).Fit(Data));
        return 0;
    });

    /// <summary>Goes on with it from a copy of its checkpoint.</summary>
    private static EpochMetrics[] Resume(TemporaryFolder folder, int ranks, int accumulate, bool isAutograd, bool isSynchronized = false)
    {
        string copy = Directory.CreateDirectory(folder.File(Guid.NewGuid().ToString())).FullName;
        File.Copy(Path.Combine(folder.File("begun"), "last.checkpoint"), Path.Combine(copy, "last.checkpoint"));
        return MemoryProcessGroup.Run(ranks, group =>
        {
            ResNetTrainer.Options options = Options(StepSize / ranks / accumulate, ranks == 1 ? null : group);
            options.Specification = isAutograd ? Autograd : Kernels;
            options.AccumulateSteps = accumulate;
            options.CheckpointDirectory = copy;
            options.ResumeFromCheckpoint = true;
            options.SynchronizeBatchNorm = isSynchronized;

            // Left open, it is float32 too, also on processors with instructions for bfloat16.
            options.Precision = isSynchronized ? TrainingPrecision.Auto : TrainingPrecision.Float32;
            using ResNetTransformer model = Trainer(options).Fit(Data);
            return model.TrainingHistory.ToArray();
        })[0];
    }

    private static void Cancel(EpochMetrics metrics, CancellationTokenSource cancellation)
    {
        if (metrics is { Epoch: 2, Batch: 3 })
        {
            cancellation.Cancel();
        }
    }

    private static ResNetTransformer Start(bool isAutograd)
    {
        ResNetTrainer.Options options = Options(StepSize);
        options.Epochs = 1;
        options.Specification = isAutograd ? Autograd : Kernels;
        return Trainer(options).Fit(Data);
    }

    private static ResNetTrainer Trainer(ResNetTrainer.Options options) => Context.MulticlassClassification.Trainers.ResNet(options);

    private static ResNetTrainer.Options Options(int batchSize, MemoryProcessGroup? group = null) => new()
    {
        Specification = Kernels,
        Epochs = Epochs,
        BatchSize = batchSize,
        LearningRate = 0.05,
        WarmupEpochs = 0,
        ValidationSet = Validation,
        RestoreBestWeights = false,
        Seed = 3,
        Augmentation = AugmentationPreset.None,

        // Sums in bfloat16 differ with their order in the third digit.
        Precision = TrainingPrecision.Float32,
        ProcessGroup = group,
    };

    private static IDataView Keyed(int count, int seed)
    {
        List<PixelRow> rows = PixelRows.Create(count, seed);
        IDataView keys = Context.Data.LoadFromEnumerable(PixelRows.Colours.Select(label => new { Label = label }));
        IDataView data = Context.Data.LoadFromEnumerable(rows.Select((row, i) => new Row { Label = row.Label, Features = row.Features, Weight = 0.5f + (i % 4) }).ToArray());
        return Context.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [VectorType(3, 8, 8)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; }
    }
}
