using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>The fit of a classifier and fine-tuning under a time limit, by a clock that counts reports, and cancelled.</summary>
[TestClass]
public sealed class FineTuningTimeTests
{
    private const int Side = 8, Images = 200;

    /// <summary>A trial and a training of a few epochs take twenty times as long as the features: where they don't fit, what there is time for goes into the classifier.</summary>
    [TestMethod]
    [DataRow(60, false)]
    [DataRow(2000, true)]
    public void Run_WithinALimit_TriesWhereThereIsTimeForIt(int seconds, bool tries)
    {
        using var run = new FitRun(new ResNetTrainer.Options { Epochs = 3, MaxTrainingTime = TimeSpan.FromSeconds(seconds) });

        IReadOnlyList<EpochMetrics> history = run.FineTuning().Run(views: 0);

        Assert.AreEqual(tries, run.Messages.Any(message => message.StartsWith("Trying on", StringComparison.Ordinal)), string.Join("\n", run.Messages));
        Assert.AreEqual(!tries, run.Messages.Any(message => message.StartsWith("MaxTrainingTime leaves no time to try", StringComparison.Ordinal)));
        if (!tries)
        {
            using var expected = new FitRun(new ResNetTrainer.Options());
            expected.Probe().Run(views: 0, isAll: true);
            CollectionAssert.AreEqual(expected.Weights(), run.Weights());
            Assert.AreEqual(1, run.Reports.Count(metrics => metrics.TrainingAccuracy > 0));
            Assert.AreEqual(Images, history.Single().ImageCount);
        }
    }

    [TestMethod]
    [DataRow(CancellationHandling.Throw)]
    [DataRow(CancellationHandling.ReturnBest)]
    public void Run_CancelledInTheFit_EndsAtTheNextIteration(CancellationHandling handling)
    {
        var options = new ResNetTrainer.Options { CancellationHandling = handling };
        using var whole = new FitRun(options);
        whole.Probe().Run(views: 0, isAll: true);
        Assert.IsGreaterThan(40, whole.Checks, "The features are computed in a few batches.");
        using var run = new FitRun(options) { CancelsAt = whole.Checks / 2 };
        LinearProbe probe = run.Probe();

        if (handling == CancellationHandling.Throw)
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => probe.Run(views: 0, isAll: true));
            Assert.AreEqual(run.CancelsAt, run.Checks);
        }
        else
        {
            Assert.AreEqual(Images, probe.Run(views: 0, isAll: true).Single().ImageCount);
            Assert.IsTrue(probe.IsCancelled);
            Assert.IsLessThan(run.CancelsAt + 20, run.Checks);
            using var unfitted = new FitRun(options);
            CollectionAssert.AreNotEqual(unfitted.Weights(), run.Weights());
        }
    }

    /// <summary>The classifier that was fitted is not thrown away with a training that has not begun.</summary>
    [TestMethod]
    public void Run_FineTuningCancelledInTheFit_ReturnsTheClassifier()
    {
        var options = new ResNetTrainer.Options { CancellationHandling = CancellationHandling.ReturnBest, MaxTrainingTime = TimeSpan.FromSeconds(2000) };
        using var whole = new FitRun(options);
        whole.Probe().Run(views: 0, isAll: true);
        using var run = new FitRun(options) { CancelsAt = whole.Checks - 2 };

        IReadOnlyList<EpochMetrics> history = run.FineTuning().Run(views: 0);

        Assert.HasCount(1, history);
        Assert.IsGreaterThan(0, run.Weights().Max());
        Assert.IsFalse(run.Messages.Any(message => message.StartsWith("Trying on", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Run_FineTuningCancelledBeforeItsFirstStep_ReturnsTheClassifier()
    {
        var options = new ResNetTrainer.Options { CancellationHandling = CancellationHandling.ReturnBest };
        using var expected = new FitRun(options);
        expected.Probe().Run(views: 0, isAll: true);
        using var run = new FitRun(options) { IsValidated = true, CancelsAfter = "Before the first epoch:" };

        IReadOnlyList<EpochMetrics> history = run.FineTuning().Run(views: 0);

        Assert.IsEmpty(history);
        Assert.IsTrue(run.Messages.Any(message => message.StartsWith(run.CancelsAfter!, StringComparison.Ordinal)));
        CollectionAssert.AreEqual(expected.Weights(), run.Weights());
    }

    /// <summary>A network and images of noise.</summary>
    private sealed class FitRun : IDisposable
    {
        private readonly PixelCache _cache = new(channels: 3, elementSize: 1, 1 << 30, Path.GetTempPath());
        private readonly ImageDataset _images;
        private readonly TrainingSettings _settings;
        private readonly ScoringDevice _scoring = new(CPU, ScalarType.Float32, VectorNetwork.IsSupported, Fused: null);
        private readonly ResidualNetwork _network;
        private readonly TrainingCallbacks _host;

        public FitRun(ResNetTrainer.Options options)
        {
            var random = new Random(1);
            for (int i = 0; i < Images; i++)
            {
                random.NextBytes(_cache.Add(Side, Side));
            }

            _images = new ImageDataset(
                new CachedImages(_cache, Images),
                [.. Enumerable.Range(0, Images).Select(row => new ImageEntry(row, row % 2, 1))],
                InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0.5f, 0.4f, 0.3f], [0.2f, 0.3f, 0.4f]));
            _settings = TrainingDefaults.Resolve(options, Side, Images, classWeights: null, seed: 1, fineTunes: true, hasStart: true);
            _network = new ResidualNetwork(PixelRows.TinyNetwork, inputChannels: 3, classCount: 2, seed: 1);
            _host = new TrainingCallbacks(Reports.Add, Message, Check, () => TimeSpan.FromSeconds(Reports.Count));
        }

        public List<EpochMetrics> Reports { get; } = [];

        public List<string> Messages { get; } = [];

        public int Checks { get; private set; }

        public int CancelsAt { get; set; } = int.MaxValue;

        /// <summary>The begin of the message after which the next check is cancelled.</summary>
        public string? CancelsAfter { get; init; }

        /// <summary>Whether the images are the validation set, too.</summary>
        public bool IsValidated { get; init; }

        public LinearProbe Probe() => new(_network, Labeled(), _settings, _scoring, _scoring, _host);

        public FineTuning FineTuning() => new(_network, Labeled(), _settings, _scoring, _scoring, _host, checkpoints: null);

        /// <summary>The classifier's.</summary>
        public float[] Weights() => _network.StateByName()[Head.WeightName].data<float>().ToArray();

        public void Dispose()
        {
            _network.Dispose();
            _images.Dispose();
            _cache.Dispose();
        }

        private LabeledImages Labeled() => new(_images, Weights: null, Validation: IsValidated ? _images : null, ClassCount: 2);

        private void Message(string message)
        {
            Messages.Add(message);
            if (CancelsAfter is not null && message.StartsWith(CancelsAfter, StringComparison.Ordinal))
            {
                CancelsAt = Checks;
            }
        }

        private void Check()
        {
            Checks++;
            if (Checks >= CancelsAt)
            {
                throw new OperationCanceledException();
            }
        }
    }
}
