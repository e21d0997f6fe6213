using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>A choice by time: nothing else scores meanwhile.</summary>
[TestClass]
[DoNotParallelize]
public sealed class MeasuredNetworkTests
{
    private readonly List<string> _log = [];

    [TestMethod]
    [DataRow(20, 100, true)]
    [DataRow(100, 20, false)]
    [DataRow(100, 85, true, DisplayName = "libtorch hardly faster")]
    public void Forward_OnceEnoughImagesWereScored_GoesOnWithTheFasterOne(int kernelsMilliseconds, int libtorchMilliseconds, bool kernelsAreFaster)
    {
        using var scope = NewDisposeScope();
        var kernels = new Fake(kernelsMilliseconds);
        Fake measured = new(libtorchMilliseconds), used = new(libtorchMilliseconds), libtorch = measured;
        using (var network = new MeasuredNetwork(kernels, () => libtorch, Shape($"{kernelsMilliseconds}, {libtorchMilliseconds}"), _log.Add))
        {
            network.Features(zeros(MeasuredNetwork.ImagesBefore - 1, 3, 5, 6));
            Assert.AreEqual((1, 0), (kernels.Calls, libtorch.Calls), "measured too early");
            network.Features(zeros(4, 3, 5, 6));
            Assert.AreEqual(1, measured.Disposals, "what was measured is not kept");
            libtorch = used;
            kernels.Calls = 0;

            network.Features(zeros(1, 3, 5, 6));
            network.Forward(zeros(4, 3, 5, 6));

            Assert.AreEqual(kernelsAreFaster ? (2, 0) : (0, 2), (kernels.Calls, libtorch.Calls));
            Assert.HasCount(1, _log);
            StringAssert.StartsWith(_log[0], kernelsAreFaster ? "Scoring by this library's kernels: " : "Scoring by libtorch: ");
            StringAssert.Contains(_log[0], "images of 6x5 take ");
            StringAssert.EndsWith(_log[0], "threads. RESNET_SCORING_BACKEND=kernels or =libtorch fixes the choice.");
        }

        Assert.AreEqual((1, kernelsAreFaster ? 0 : 1), (kernels.Disposals, used.Disposals));
    }

    [TestMethod]
    public void Forward_CallsOfNoTime_MeasureNothing()
    {
        using var scope = NewDisposeScope();
        using var network = new MeasuredNetwork(new Fake(0), () => throw new InvalidOperationException("measured"), Shape("quick"), _log.Add);

        for (int i = 0; i < 3; i++)
        {
            network.Features(zeros(8, 3, 4, 4));
        }

        Assert.IsEmpty(_log);
    }

    [TestMethod]
    public void Forward_NetworkOfTheSameShape_DoesNotMeasureAgain()
    {
        using var scope = NewDisposeScope();
        using (var first = new MeasuredNetwork(new Fake(60), () => new Fake(1), Shape("twice"), _log.Add))
        {
            first.Features(zeros(8, 3, 4, 4));
        }

        var kernels = new Fake(60);
        var libtorch = new Fake(1);
        using var second = new MeasuredNetwork(kernels, () => libtorch, Shape("twice"), _log.Add);
        second.Features(zeros(1, 3, 4, 4));
        Assert.AreEqual((0, 1), (kernels.Calls, libtorch.Calls));
        Assert.HasCount(1, _log);

        // Other sizes of image are other work.
        second.Features(zeros(1, 3, 6, 6));
        Assert.AreEqual((1, 1), (kernels.Calls, libtorch.Calls));
    }

    [TestMethod]
    public void Forward_WithoutLibTorchsConvolutions_StaysWithTheKernels()
    {
        using var scope = NewDisposeScope();
        var kernels = new Fake(60);
        using var network = new MeasuredNetwork(kernels, () => null, Shape("alone"), _log.Add);

        network.Features(zeros(8, 3, 4, 4));
        kernels.Calls = 0;
        network.Features(zeros(8, 3, 4, 4));

        Assert.AreEqual(1, kernels.Calls, "it measured again");
        Assert.IsEmpty(_log);
    }

    [TestMethod]
    public void Forward_FromManyThreads_MeasuresOnceOneIsAlone()
    {
        int made = 0;
        using var network = new MeasuredNetwork(
            new Fake(60),
            () =>
            {
                Interlocked.Increment(ref made);
                return new Fake(100);
            },
            Shape("threads"),
            _log.Add);
        using var others = new Barrier(4);

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var scope = NewDisposeScope();
            others.SignalAndWait(TimeSpan.FromSeconds(20));
            Assert.AreEqual(3L, network.Features(zeros(3, 3, 4, 4)).shape[0]);
        });

        using var last = NewDisposeScope();
        network.Features(zeros(3, 3, 4, 4));
        network.Features(zeros(3, 3, 4, 4));

        Assert.HasCount(1, _log);
        Assert.IsGreaterThan(0, made);
    }

    private static string Shape(string name) => $"{nameof(MeasuredNetworkTests)}, {name}";

    /// <summary>Takes some time.</summary>
    private sealed class Fake(int milliseconds) : IScoringNetwork
    {
        private int _calls;

        public int Calls
        {
            get => _calls;
            set => _calls = value;
        }

        public int Disposals { get; private set; }

        public Tensor Forward(Tensor images) => Features(images);

        public Tensor Features(Tensor images)
        {
            Interlocked.Increment(ref _calls);
            Thread.Sleep(milliseconds);
            return zeros(images.shape[0], 2);
        }

        public void Dispose() => Disposals++;
    }
}
