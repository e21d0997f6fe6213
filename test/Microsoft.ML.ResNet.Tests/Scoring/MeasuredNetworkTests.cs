using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.ML.ResNet.Native;
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
        using (var network = new MeasuredNetwork(kernels, () => libtorch, Shape($"{kernelsMilliseconds}, {libtorchMilliseconds}"), _log.Add, Share(1)))
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
        using var network = new MeasuredNetwork(new Fake(0), () => throw new InvalidOperationException("measured"), Shape("quick"), _log.Add, Share(1));

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
        using (var first = new MeasuredNetwork(new Fake(60), () => new Fake(1), Shape("twice"), _log.Add, Share(1)))
        {
            first.Features(zeros(8, 3, 4, 4));
        }

        var kernels = new Fake(60);
        var libtorch = new Fake(1);
        using var second = new MeasuredNetwork(kernels, () => libtorch, Shape("twice"), _log.Add, Share(1));
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
        using var network = new MeasuredNetwork(kernels, () => null, Shape("alone"), _log.Add, Share(1));

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
            _log.Add, Share(1));
        using var others = new Barrier(4);
        int threads = get_num_threads();

        OnThreads(4, () =>
        {
            set_num_threads(threads);
            others.SignalAndWait(TimeSpan.FromSeconds(20));
            Assert.AreEqual(3L, network.Features(zeros(3, 3, 4, 4)).shape[0]);
        });

        using var last = NewDisposeScope();
        network.Features(zeros(3, 3, 4, 4));
        network.Features(zeros(3, 3, 4, 4));

        Assert.HasCount(1, _log);
        Assert.IsGreaterThan(0, made);
    }

    [TestMethod]
    public void Forward_OthersScoreInEveryMeasurement_MeasuresLessAndLessOften()
    {
        using var scope = NewDisposeScope();
        using var busy = new MeasuredNetwork(new Fake(0), () => null, Shape("busy"), _log.Add, Share(1));
        int made = 0;
        using var network = new MeasuredNetwork(
            new Fake(40),
            () =>
            {
                made++;
                busy.Features(zeros(1, 3, 4, 4)).Dispose();
                return new Fake(1);
            },
            Shape("disturbed"),
            _log.Add, Share(1));

        int[] measurements = [.. Enumerable.Range(0, 8).Select(_ =>
        {
            network.Features(zeros(MeasuredNetwork.ImagesBefore, 3, 4, 4)).Dispose();
            return made;
        })];

        CollectionAssert.AreEqual(new[] { 1, 1, 1, 2, 2, 2, 2, 2 }, measurements);
        Assert.IsEmpty(_log);
    }

    [TestMethod]
    public void Forward_FromAThreadWithAnotherNumberOfThreads_MeasuresForThatNumber()
    {
        using var network = new MeasuredNetwork(new Fake(20), () => new Fake(100), Shape("other threads"), _log.Add, Share(1));
        int threads = get_num_threads();
        OnThreads(1, () => Score(threads));
        OnThreads(1, () => Score(threads));
        Assert.HasCount(1, _log);

        // libtorch keeps the number for each thread.
        OnThreads(1, () => Score(threads + 1));
        Assert.HasCount(2, _log);
        StringAssert.Contains(_log[1], $"with {threads + 1} threads");

        void Score(int count)
        {
            set_num_threads(count);
            network.Features(zeros(MeasuredNetwork.ImagesBefore, 3, 4, 4));
        }
    }

    /// <summary>Two busy processes beside this one left it 0.3 to 0.6 of two processors; alone it used 0.8 to 0.96.</summary>
    [TestMethod]
    [DataRow(0.4, DisplayName = "other processes")]
    [DataRow(1.6, DisplayName = "other work of this process")]
    public void Forward_ProcessorsAreShared_GivesNoAnswer(double share)
    {
        using var scope = NewDisposeScope();
        var kernels = new Fake(60);
        using var network = new MeasuredNetwork(kernels, () => new Fake(1), Shape($"share {share}"), _log.Add, Share(share));
        network.Features(zeros(8, 3, 4, 4));
        kernels.Calls = 0;

        network.Features(zeros(8, 3, 4, 4));

        Assert.AreEqual(1, kernels.Calls);
        Assert.IsEmpty(_log);
    }

    [TestMethod]
    public void Forward_LibTorchFasterInSomeRoundsAlone_GivesNoAnswer()
    {
        using var scope = NewDisposeScope();
        var kernels = new Fake(60);
        using var network = new MeasuredNetwork(kernels, () => new Fake(10) { EveryThird = 80 }, Shape("rounds"), _log.Add, Share(1));
        network.Features(zeros(8, 3, 4, 4));
        kernels.Calls = 0;

        network.Features(zeros(8, 3, 4, 4));

        Assert.AreEqual(1, kernels.Calls);
        Assert.IsEmpty(_log);
    }

    /// <summary>Processor time as if the threads that score used a share of their processors: those of <see cref="Fake"/> sleep.</summary>
    private static Func<TimeSpan> Share(double share)
    {
        var clock = Stopwatch.StartNew();
        return () => clock.Elapsed * (share * KernelThreads.Count);
    }

    /// <summary>Runs on new threads: those of the pool keep the number of threads that libtorch had when they first used it.</summary>
    private static void OnThreads(int count, Action run)
    {
        var failures = new ConcurrentQueue<Exception>();
        int before = get_num_threads();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(() =>
        {
            using var scope = NewDisposeScope();
            try
            {
                run();
            }
            catch (Exception exception)
            {
                failures.Enqueue(exception);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        set_num_threads(before);
        Assert.IsEmpty(failures, string.Join(Environment.NewLine, failures));
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

        /// <summary>The milliseconds of the third call and every third after it, where they are others.</summary>
        public int? EveryThird { get; init; }

        public int Disposals { get; private set; }

        public Tensor Forward(ScoringImages images) => Features(images);

        public Tensor Features(ScoringImages images)
        {
            int call = Interlocked.Increment(ref _calls);
            Thread.Sleep(call % 3 == 0 ? EveryThird ?? milliseconds : milliseconds);
            return zeros(images.Count, 2);
        }

        public void Dispose() => Disposals++;
    }
}
