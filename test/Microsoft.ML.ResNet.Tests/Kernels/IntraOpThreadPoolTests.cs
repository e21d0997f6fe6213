using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

[TestClass]
[DoNotParallelize]
public sealed class IntraOpThreadPoolTests
{
    [TestMethod]
    public void Run_ThousandsOfWorks_DoesEveryItemOnce()
    {
        Take();
        try
        {
            for (int round = 0; round < 20_000; round++)
            {
                var work = new CountingWork(1 + (round % 37));

                IntraOpThreadPool.Shared.Run(work, work.Counts.Length, threads: 1 + (round % 8));

                Assert.IsTrue(work.Counts.All(count => count == 1), $"round {round}");
                Assert.IsLessThanOrEqualTo(round % 8, work.LargestWorker, $"round {round}");
            }
        }
        finally
        {
            IntraOpThreadPool.Shared.Leave();
        }
    }

    [TestMethod]
    public void Run_AfterPauses_WakesThreadsThatSleep()
    {
        Take();
        try
        {
            for (int round = 0; round < 20; round++)
            {
                Thread.Sleep(5);
                var work = new CountingWork(64);
                IntraOpThreadPool.Shared.Run(work, work.Counts.Length, threads: 3);
                Assert.IsTrue(work.Counts.All(count => count == 1), $"round {round}");
            }
        }
        finally
        {
            IntraOpThreadPool.Shared.Leave();
        }
    }

    [TestMethod]
    public void Run_ItemThatThrows_ThrowsToTheCallerAndLeavesTheTeamUsable()
    {
        Take();
        try
        {
            for (int round = 0; round < 200; round++)
            {
                InvalidOperationException exception = Assert.ThrowsExactly<InvalidOperationException>(() => IntraOpThreadPool.Shared.Run(new FailingWork(round % 16), 16, threads: 3));
                Assert.AreEqual("no", exception.Message);
            }

            var work = new CountingWork(100);
            IntraOpThreadPool.Shared.Run(work, work.Counts.Length, threads: 3);
            Assert.IsTrue(work.Counts.All(count => count == 1));
        }
        finally
        {
            IntraOpThreadPool.Shared.Leave();
        }
    }

    [TestMethod]
    public void TryEnter_WhileTaken_IsRefused()
    {
        Take();
        Assert.IsFalse(IntraOpThreadPool.Shared.TryEnter());
        IntraOpThreadPool.Shared.Leave();
        Take();
        IntraOpThreadPool.Shared.Leave();
    }

    /// <summary>Another test's training may be letting go of it.</summary>
    private static void Take() => Assert.IsTrue(SpinWait.SpinUntil(IntraOpThreadPool.Shared.TryEnter, TimeSpan.FromSeconds(10)));

    private sealed class CountingWork(int count) : IParallelWork
    {
        private int _largestWorker;

        public int[] Counts { get; } = new int[count];

        public int LargestWorker => _largestWorker;

        public void Do(int item, int worker)
        {
            Interlocked.Increment(ref Counts[item]);
            for (int seen = _largestWorker; worker > seen; seen = _largestWorker)
            {
                Interlocked.CompareExchange(ref _largestWorker, worker, seen);
            }
        }
    }

    private sealed class FailingWork(int failing) : IParallelWork
    {
        public void Do(int item, int worker)
        {
            if (item == failing)
            {
                throw new InvalidOperationException("no");
            }
        }
    }
}
