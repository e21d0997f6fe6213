using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Gives damaged files to a reader and checks each time that it keeps its promises.</summary>
internal sealed class FuzzRun(FuzzTarget target)
{
    // A reader that hangs would hang the test: then the input is named all the same.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private volatile int _current;
    private Exception? _failure;

    /// <summary>How many files were read as if they were whole, and how many refused.</summary>
    public (int Read, int Refused) Counts { get; private set; }

    /// <summary>The most that was allocated, as a share of what is allowed.</summary>
    public double LargestShare { get; private set; }

    public TimeSpan LongestTime { get; private set; }

    public void Run(int count)
    {
        foreach (byte[] seed in target.Seeds)
        {
            target.Read(seed);
        }

        var thread = new Thread(() => RunAll(count)) { IsBackground = true };
        thread.Start();
        for (int last = -1; !thread.Join(Patience); last = _current)
        {
            Assert.AreNotEqual(last, _current, $"{target.Name} hangs at input {last}.");
        }

        if (_failure is not null)
        {
            Assert.Fail($"{target.Name}, input {_current}: {_failure}");
        }
    }

    /// <summary>The damaged file with this number.</summary>
    public byte[] Input(int number)
    {
        var mutator = new Mutator(number);
        byte[] seed = target.Seeds[number % target.Seeds.Length], other = target.Seeds[mutator.Random.Next(target.Seeds.Length)];
        return target.MutateInside is { } inside && mutator.Random.Next(3) > 0 ? inside(seed, other, mutator) : mutator.Mutate(seed, other);
    }

    private void RunAll(int count)
    {
        try
        {
            for (_current = 0; _current < count; _current++)
            {
                Check(Input(_current));
            }
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }

    /// <summary>Reads one file.</summary>
    public void Check(byte[] content)
    {
        long allowed = (content.Length * (long)target.AllocationMultiple) + target.AllocationConstant;
        TimeSpan longest = TimeSpan.FromSeconds(1 + (content.Length >> 20)), time = Time(content, out long allocated);

        // The shortest of three is the reader's own.
        for (int again = 0; again < 2 && time > longest; again++)
        {
            time = TimeSpan.FromTicks(Math.Min(time.Ticks, Time(content, out _).Ticks));
        }

        Assert.IsTrue(time <= longest, $"It takes {time.TotalSeconds:F1} s for {content.Length} bytes.");
        Assert.IsTrue(allocated <= allowed, $"It allocates {allocated} bytes for a file of {content.Length}, expected at most {allowed}.");
        LargestShare = Math.Max(LargestShare, (double)allocated / allowed);
        LongestTime = time > LongestTime ? time : LongestTime;
    }

    private TimeSpan Time(byte[] content, out long allocated)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long started = Stopwatch.GetTimestamp();
        TimeSpan startedCpu = Environment.CpuUsage.TotalTime;
        try
        {
            target.Read(content);
            Counts = (Counts.Read + 1, Counts.Refused);
        }
        catch (Exception exception) when (target.Documented.Contains(exception.GetType()))
        {
            Counts = (Counts.Read, Counts.Refused + 1);
            Assert.IsFalse(string.IsNullOrWhiteSpace(exception.Message));
            Assert.IsLessThan(10_000, exception.Message.Length);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // Other programs may have had the processor meanwhile, and the collector may have worked beside the reader.
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started), processor = Environment.CpuUsage.TotalTime - startedCpu;
        return elapsed < processor ? elapsed : processor;
    }
}
