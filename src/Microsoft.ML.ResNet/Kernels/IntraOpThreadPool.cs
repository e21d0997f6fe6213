using System.Runtime.ExceptionServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The process's pool of threads for work inside one operator. Between two operators, microseconds apart, its threads spin briefly, then
/// block. One caller holds the pool at a time; another that arrives meanwhile runs on its own thread, so that concurrent callers share the
/// processor without waiting for each other.
/// </summary>
internal sealed class IntraOpThreadPool
{
    /// <summary>How often a thread checks for new work before it blocks: some tens of microseconds.</summary>
    private const int Looks = 400, SpinsBetweenLooks = 6;

    private readonly object _gate = new();
    private readonly List<ManualResetEventSlim> _alarms = [];
    private IParallelWork? _work;
    private ExceptionDispatchInfo? _fault;
    private int _isTaken;
    private int _itemCount;
    private int _nextItem;
    private int _wanted;
    private int _joined;
    private int _active;
    private int _round;

    private IntraOpThreadPool()
    {
    }

    /// <summary>The process's pool.</summary>
    public static IntraOpThreadPool Shared { get; } = new();

    /// <summary>Takes the pool if it is free. A caller that gets true returns it by <see cref="Leave"/>.</summary>
    public bool TryEnter() => Interlocked.CompareExchange(ref _isTaken, 1, 0) == 0;

    public void Leave() => Volatile.Write(ref _isTaken, 0);

    /// <summary>Does all items with this thread, which is worker 0, and others. For the one who has the pool.</summary>
    /// <param name="threads">The threads that take part at most, with this one.</param>
    public void Run(IParallelWork work, int itemCount, int threads)
    {
        int others = Math.Min(threads, itemCount) - 1;
        if (others < 1)
        {
            RunAlone(work, itemCount);
            return;
        }

        Begin(work, itemCount, others);
        try
        {
            DoItems(work, worker: 0);
        }
        finally
        {
            End();
        }

        if (Interlocked.Exchange(ref _fault, null) is { } fault)
        {
            fault.Throw();
        }
    }

    /// <summary>Does all items with this thread, for one who doesn't have the pool.</summary>
    public static void RunAlone(IParallelWork work, int itemCount)
    {
        for (int item = 0; item < itemCount; item++)
        {
            work.Do(item, worker: 0);
        }
    }

    private void Begin(IParallelWork work, int itemCount, int others)
    {
        while (_alarms.Count < others)
        {
            var alarm = new ManualResetEventSlim(initialState: false, spinCount: 0);
            _alarms.Add(alarm);
            var thread = new Thread(() => Serve(alarm)) { IsBackground = true, Name = "Microsoft.ML.ResNet" };
            thread.UnsafeStart();
        }

        lock (_gate)
        {
            _work = work;
            _fault = null;
            _itemCount = itemCount;
            _nextItem = 0;
            _joined = 0;
            _wanted = others;
            _round++;
        }

        for (int i = 0; i < others; i++)
        {
            // Cheap where the thread still spins.
            _alarms[i].Set();
        }
    }

    /// <summary>Threads that have not joined yet are no longer needed: all items are done.</summary>
    private void End()
    {
        lock (_gate)
        {
            _wanted = 0;
            _work = null;
        }

        var spinner = default(SpinWait);
        while (Volatile.Read(ref _active) != 0)
        {
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void Serve(ManualResetEventSlim alarm)
    {
        int seen = 0;
        while (true)
        {
            WaitForRound(seen, alarm);
            IParallelWork? work = null;
            int worker = 0;
            lock (_gate)
            {
                seen = _round;
                if (_joined < _wanted)
                {
                    work = _work;
                    worker = ++_joined;

                    // Others leave without the lock.
                    Interlocked.Increment(ref _active);
                }
            }

            if (work is null)
            {
                continue;
            }

            try
            {
                DoItems(work, worker);
            }
#pragma warning disable CA1031 // It is thrown in the thread that waits for this one.
            catch (Exception exception)
            {
                Volatile.Write(ref _fault, ExceptionDispatchInfo.Capture(exception));
            }
#pragma warning restore CA1031
            finally
            {
                Interlocked.Decrement(ref _active);
            }
        }
    }

    private void WaitForRound(int seen, ManualResetEventSlim alarm)
    {
        for (int look = 0; look < Looks; look++)
        {
            if (Volatile.Read(ref _round) != seen)
            {
                return;
            }

            Thread.SpinWait(SpinsBetweenLooks);
        }

        alarm.Reset();
        if (Volatile.Read(ref _round) == seen)
        {
            alarm.Wait();
        }
    }

    private void DoItems(IParallelWork work, int worker)
    {
        int count = _itemCount;
        while (true)
        {
            int item = Interlocked.Increment(ref _nextItem) - 1;
            if (item >= count)
            {
                return;
            }

            work.Do(item, worker);
        }
    }
}
