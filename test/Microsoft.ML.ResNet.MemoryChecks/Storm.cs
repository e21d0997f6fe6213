using System.Diagnostics;

namespace Microsoft.ML.ResNet.MemoryChecks;

/// <summary>
/// Runs everything that the library does, first in calm and then, again and again, while a thread collects garbage and runs finalisers without
/// pause. What is freed while libtorch reads it ends the process or changes a result: each task has to give the bytes that it gave in calm.
/// </summary>
/// <remarks>With <c>GLIBC_TUNABLES=glibc.malloc.perturb=165</c> freed memory is overwritten, and a number that is read from it is never right.</remarks>
internal static class Storm
{
    /// <returns>How many tasks failed or gave something else.</returns>
    public static int Run(TimeSpan duration)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            // On one processor the finaliser often runs before the thread that a collection interrupted; on two it seldom comes in time. libtorch's threads would wait for each other there.
            using var process = Process.GetCurrentProcess();
            process.ProcessorAffinity = 1;
            TorchSharp.torch.set_num_threads(1);
        }

        using var tasks = new StormTasks();
        Dictionary<string, string> expected = tasks.All.ToDictionary(task => task.Name, task => task.Run());
        using var storm = new Collecting();
        var clock = Stopwatch.StartNew();
        HashSet<string> faulty = [];
        int rounds = 0;
        do
        {
            foreach (var (name, run) in tasks.All)
            {
                string? fault = Compare(expected[name], run);
                if (fault is not null && faulty.Add(name))
                {
                    Console.WriteLine($"{name}, round {rounds}: {fault}");
                }
            }

            rounds++;
        }
        while (clock.Elapsed < duration);
        Console.WriteLine($"{expected.Count} tasks, {rounds} rounds, {storm.Count} collections");
        return faulty.Count;
    }

    private static string? Compare(string expected, Func<string> run)
    {
        try
        {
            string actual = run();
            return actual == expected ? null : $"gave {actual}, in calm {expected}";
        }
#pragma warning disable CA1031 // Whatever it is, it is a fault to be reported beside the others.
        catch (Exception exception)
        {
            return exception.ToString();
        }
#pragma warning restore CA1031
    }

    private sealed class Collecting : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _isOver;
        private long _count;

        public Collecting()
        {
            _thread = new Thread(Collect) { IsBackground = true };
            _thread.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose()
        {
            _isOver = true;
            _thread.Join();
        }

        private void Collect()
        {
            while (!_isOver)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
                Interlocked.Increment(ref _count);
            }
        }
    }
}
