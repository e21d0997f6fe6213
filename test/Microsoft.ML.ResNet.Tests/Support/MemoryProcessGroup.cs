using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Ranks that are threads of this process. Sums are made in the order of the ranks, so that all get the same bits.</summary>
internal sealed class MemoryProcessGroup : IProcessGroup
{
    private readonly Shared _shared;

    private MemoryProcessGroup(Shared shared, int rank) => (_shared, Rank) = (shared, rank);

    public int Rank { get; }

    public int Size => _shared.Values.Length;

    public int LocalRank => Rank;

    /// <summary>The threads share what this process has; nothing is to be divided.</summary>
    public int LocalSize => 1;

    /// <summary>The collective operations that were called.</summary>
    public int CallCount { get; private set; }

    /// <summary>Runs an action on each rank. Where one throws, the others get an exception from their next collective operation.</summary>
    /// <returns>What the ranks gave.</returns>
    public static T[] Run<T>(int size, Func<MemoryProcessGroup, T> rank)
    {
        var shared = new Shared(size);
        Task<T>[] tasks = [.. Enumerable.Range(0, size).Select(i => Task.Factory.StartNew(() => RunRank(shared, i, rank), TaskCreationOptions.LongRunning))];
        try
        {
            Task.WaitAll(tasks);
        }
        catch (AggregateException)
        {
            // The first fault is the cause of the others.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(shared.FirstFault ?? tasks.First(task => task.IsFaulted).Exception!.InnerException!);
        }

        return [.. tasks.Select(task => task.Result)];
    }

    /// <summary>A rank that fails is a process that dies: the others learn of it.</summary>
    private static T RunRank<T>(Shared shared, int number, Func<MemoryProcessGroup, T> rank)
    {
        try
        {
            return rank(new MemoryProcessGroup(shared, number));
        }
        catch (Exception exception)
        {
            shared.Fail(exception);
            throw;
        }
    }

    public void AllReduce(Span<float> values) => Reduce(values, static (sum, value) => sum + value);

    public void AllReduce(Span<double> values) => Reduce(values, static (sum, value) => sum + value);

    public void Broadcast(Span<byte> values, int root)
    {
        byte[][] all = Exchange(values.ToArray());
        all[root].CopyTo(values);
    }

    public void Barrier() => Exchange([]);

    public void Abort(string message) => _shared.Abort(message);

    private void Reduce<T>(Span<T> values, Func<T, T, T> add)
        where T : unmanaged
    {
        byte[][] all = Exchange(MemoryMarshal.AsBytes(values).ToArray());
        values.Clear();
        foreach (byte[] part in all)
        {
            ReadOnlySpan<T> other = MemoryMarshal.Cast<byte, T>(part);
            if (other.Length != values.Length)
            {
                throw new InvalidOperationException($"The ranks have {other.Length} and {values.Length} values.");
            }

            for (int i = 0; i < values.Length; i++)
            {
                values[i] = add(values[i], other[i]);
            }
        }
    }

    private byte[][] Exchange(byte[] mine)
    {
        CallCount++;
        return _shared.Exchange(Rank, mine);
    }

    private sealed class Shared(int size)
    {
        private readonly Barrier _barrier = new(size);
        private readonly CancellationTokenSource _aborted = new();

        public byte[][] Values { get; private set; } = new byte[size][];

        public Exception? FirstFault { get; private set; }

        public byte[][] Exchange(int rank, byte[] mine)
        {
            try
            {
                Values[rank] = mine;
                _barrier.SignalAndWait(_aborted.Token);
                byte[][] all = [.. Values];
                _barrier.SignalAndWait(_aborted.Token);
                return all;
            }
            catch (OperationCanceledException)
            {
                throw new InvalidOperationException("Another rank has failed.");
            }
        }

        public void Abort(string message) => Fail(new InvalidOperationException(message));

        public void Fail(Exception exception)
        {
            FirstFault ??= exception;
            _aborted.Cancel();
        }
    }
}
