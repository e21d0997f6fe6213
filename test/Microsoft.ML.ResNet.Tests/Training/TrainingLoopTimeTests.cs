using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>The loop under a time limit, by a clock that counts batches: each one, trained or validated, takes a second.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrainingLoopTimeTests
{
    private const int Side = 8, BatchSize = 4, TrainingImages = 40;

    // A quarter of the time left after two timed samples, less a second that is fixed, at 18 images a second.
    [TestMethod]
    [DataRow(640, 60, 243)]
    [DataRow(640, 200, 640)]
    [DataRow(3000, 200, 873)]
    [DataRow(64, 45, 64)]
    [DataRow(3000, 6, 16)]
    public void Run_WithinTheLimit_ValidatesOnOneSampleAndEndsInTime(int images, int seconds, int sample)
    {
        var training = new Training(images, seconds);

        IReadOnlyList<EpochMetrics> history = training.Run(checkpoints: null, cancelAt: int.MaxValue);

        Assert.IsLessThanOrEqualTo(seconds + 1, training.Seconds, "seconds");
        Assert.IsGreaterThan(seconds * 0.7, training.Seconds, "seconds");
        Assert.IsNotNull(history[^1].ValidationAccuracy);
        Assert.AreEqual(sample, training.ValidatedCounts.Distinct().Single());
    }

    [TestMethod]
    public void Run_Resumed_ValidatesOnTheSampleOfTheFirstRun()
    {
        using var folder = new TemporaryFolder();
        var first = new Training(images: 3000, seconds: 200);
        Assert.ThrowsExactly<OperationCanceledException>(() => first.Run(folder.Path, cancelAt: 120));

        var second = new Training(images: 3000, seconds: 200);
        IReadOnlyList<EpochMetrics> history = second.Run(folder.Path, cancelAt: int.MaxValue);

        Assert.AreEqual(first.ValidatedCounts[0], second.ValidatedCounts[0]);
        Assert.IsLessThanOrEqualTo(200 - 120 + 3, second.Seconds);
        Assert.HasCount(history[^1].Epoch, history);
    }

    [TestMethod]
    public void Run_LimitAlreadyOver_TrainsOneStepAndWarns()
    {
        var training = new Training(images: 3000, seconds: 5) { Seconds = 10 };

        IReadOnlyList<EpochMetrics> history = training.Run(checkpoints: null, cancelAt: int.MaxValue);

        Assert.AreEqual(1, history.Single().Step);
        Assert.AreEqual(TimedValidation.LeastImages, training.ValidatedCounts.Single());
        StringAssert.StartsWith(training.Warnings.Single(), "MaxTrainingTime is 00:00:05, but 10.0 s had passed before the first step. One step is trained.");
    }

    [TestMethod]
    public void Run_TimeForSomeEpochs_AnnealsTheRateToItsEnd()
    {
        var training = new Training(images: 4, seconds: 200) { Options = new ResNetTrainer.Options { AccumulateSteps = 2 } };

        IReadOnlyList<EpochMetrics> history = training.Run(checkpoints: null, cancelAt: int.MaxValue);

        Assert.IsInRange(2, history[0].EpochCount - 1, history.Count);
        Assert.IsLessThan(0.02 * history.Max(epoch => epoch.LearningRate), history[^1].LearningRate);
    }

    // Five steps an epoch, each of two batches, and one batch to validate on.
    [TestMethod]
    [DataRow(200, true)]
    [DataRow(1200, false)]
    public void Run_TimeForFewEpochs_MixesNoImages(int seconds, bool leavesAlone)
    {
        double[] losses = Losses(new ResNetTrainer.Options { AccumulateSteps = 2 }), unmixed = Losses(new ResNetTrainer.Options { AccumulateSteps = 2, CutMixAlpha = 0 });

        Assert.AreEqual(leavesAlone, losses.SequenceEqual(unmixed));

        double[] Losses(ResNetTrainer.Options options)
        {
            var training = new Training(images: 4, seconds) { Options = options };
            return [.. training.Run(checkpoints: null, cancelAt: int.MaxValue).Select(epoch => epoch.TrainingLoss)];
        }
    }

    /// <summary>One run of a loop on noise.</summary>
    private sealed class Training(int images, int seconds)
    {
        private int? _sample;

        public ResNetTrainer.Options Options { get; init; } = new();

        public int Seconds { get; set; }

        /// <summary>The images of each validation after an epoch.</summary>
        public List<int> ValidatedCounts { get; } = [];

        public List<string> Warnings { get; } = [];

        public IReadOnlyList<EpochMetrics> Run(string? checkpoints, int cancelAt)
        {
            using var cache = new PixelCache(channels: 3, elementSize: 1, 1 << 30, Path.GetTempPath());
            using ImageDataset all = Images(cache, TrainingImages + images);
            ImageDataset training = all.Subset(Enumerable.Range(0, TrainingImages));
            Options.Specification = PixelRows.TinyNetwork;
            Options.Epochs = 10_000;
            Options.BatchSize = BatchSize;
            Options.MaxTrainingTime = TimeSpan.FromSeconds(seconds);
            Options.CheckpointInterval = TimeSpan.FromSeconds(1);
            TrainingSettings settings = TrainingDefaults.Resolve(Options, Side, TrainingImages, classWeights: null, seed: 1);
            using var network = new ResidualNetwork(PixelRows.TinyNetwork, inputChannels: 3, classCount: 2, seed: 1);
            var identity = new Dictionary<string, string> { ["Images"] = "noise" };
            CheckpointFolder? folder = checkpoints is null ? null : new CheckpointFolder(checkpoints, identity, resumes: true);
            var host = new TrainingCallbacks(
                metrics => Add(metrics),
                Message,
                () =>
                {
                    Seconds++;
                    if (Seconds >= cancelAt)
                    {
                        throw new OperationCanceledException();
                    }
                },
                () => TimeSpan.FromSeconds(Seconds))
            {
                Warn = Warnings.Add,
            };
            var labeled = new LabeledImages(training, Weights: null, all.Subset(Enumerable.Range(TrainingImages, images)), ClassCount: 2);
            using var loop = new TrainingLoop(network, labeled, settings, new ScoringDevice(CPU, ScalarType.Float32, VectorNetwork.IsSupported, Fused: null), host, folder);
            return loop.Run();
        }

        private void Add(EpochMetrics metrics)
        {
            if (metrics.IsEpochEnd && metrics.ValidationAccuracy is not null)
            {
                ValidatedCounts.Add(_sample ?? images);
            }
        }

        private void Message(string message)
        {
            if (message.StartsWith("MaxTrainingTime leaves", StringComparison.Ordinal))
            {
                _sample = int.Parse(message.Split("on the same ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        private static ImageDataset Images(PixelCache cache, int count)
        {
            var random = new Random(1);
            for (int i = 0; i < count; i++)
            {
                random.NextBytes(cache.Add(Side, Side));
            }

            return new ImageDataset(new CachedImages(cache, count), [.. Enumerable.Range(0, count).Select(row => new ImageEntry(row, row % 2, 1))], InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0.5f, 0.4f, 0.3f], [0.2f, 0.3f, 0.4f]));
        }
    }
}
