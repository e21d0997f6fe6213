using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network that scores by the faster of two ways. It begins with this library's kernels; once some images have been scored, and a call took long
/// enough to matter, it takes the time of both, and the process remembers the answer for networks of the same shape. Safe to use from many threads: those that
/// score meanwhile go on as before.
/// </summary>
internal sealed class MeasuredNetwork : IScoringNetwork
{
    /// <summary>The images after which it is worth knowing: one batch of 224 x 224 pixels, or as many single predictions.</summary>
    public const int ImagesBefore = 8;

    private const int Rounds = 3;

    /// <summary>How many times as many images have to be scored before the next measurement where one gave no answer: somebody else may always be scoring.</summary>
    private const int Patience = 4;

    /// <summary>
    /// The share of the kernels' shortest time that libtorch's longest may take at most to be chosen. The two differ in the last bits: what is about equally fast must
    /// not change from process to process.
    /// </summary>
    private const double Margin = 0.7;

    /// <summary>
    /// The least and the most processor time of a measurement, relative to what the threads that score could use. Below, other processes wanted the processors; above,
    /// other work of this one did.
    /// </summary>
    private const double LeastShare = 0.65, MostShare = 1.25;

    /// <summary>The time of a run that is measured.</summary>
    private static readonly TimeSpan s_run = TimeSpan.FromMilliseconds(20);

    /// <summary>The time, of all threads together, that an image has to take for the choice to matter. Small networks on small images stay with the kernels.</summary>
    private static readonly TimeSpan s_image = TimeSpan.FromMilliseconds(4);

    private static readonly ConcurrentDictionary<(string Shape, int Height, int Width, int Threads), bool> s_kernelsAreFaster = new();

    /// <summary>The calls under way in the process, and those that ever began: what others do meanwhile would be measured too.</summary>
    private static int s_underWay, s_begun;

    private readonly IScoringNetwork _kernels;
    private readonly Func<IScoringNetwork?> _createOther;
    private readonly string _shape;
    private readonly Action<string> _inform;
    private readonly Func<TimeSpan> _processorTime;
    private readonly object _gate = new();
    private IScoringNetwork? _other;
    private long _seen;
    private long _measuredFrom = ImagesBefore;

    /// <param name="kernels">Freed with this object.</param>
    /// <param name="createOther">Makes what scores by libtorch, or null where it can't.</param>
    /// <param name="shape">The same for networks of the same layers, and those alone.</param>
    /// <param name="inform">Takes a line of the log.</param>
    /// <param name="processorTime">What all threads of the process have used; by default as the system tells.</param>
    public MeasuredNetwork(IScoringNetwork kernels, Func<IScoringNetwork?> createOther, string shape, Action<string> inform, Func<TimeSpan>? processorTime = null)
    {
        _kernels = kernels;
        _createOther = createOther;
        _shape = shape;
        _inform = inform;
        _processorTime = processorTime ?? ProcessorTime;
    }

    public Tensor Forward(ScoringImages images) => Score(images, static (network, images) => network.Forward(images));

    public Tensor Features(ScoringImages images) => Score(images, static (network, images) => network.Features(images));

    public void Dispose()
    {
        _kernels.Dispose();
        _other?.Dispose();
    }

    private Tensor Score(ScoringImages images, Func<IScoringNetwork, ScoringImages, Tensor> score)
    {
        var key = (_shape, images.Height, images.Width, KernelThreads.Count);
        Interlocked.Increment(ref s_begun);
        Interlocked.Increment(ref s_underWay);
        try
        {
            if (s_kernelsAreFaster.TryGetValue(key, out bool kernelsAreFaster))
            {
                return score(kernelsAreFaster ? _kernels : Other() ?? _kernels, images);
            }

            var clock = Stopwatch.StartNew();
            Tensor result = score(_kernels, images);
            if (Interlocked.Add(ref _seen, images.Count) >= Volatile.Read(ref _measuredFrom) && Matters(clock.Elapsed.TotalSeconds, images.Count) && Monitor.TryEnter(_gate))
            {
                try
                {
                    // Another may have measured while this one scored.
                    if (!s_kernelsAreFaster.ContainsKey(key) && Measure(images) is { } answer)
                    {
                        s_kernelsAreFaster[key] = answer;
                        Volatile.Write(ref _measuredFrom, ImagesBefore);
                    }
                }
                finally
                {
                    Monitor.Exit(_gate);
                }
            }

            return result;
        }
        finally
        {
            Interlocked.Decrement(ref s_underWay);
        }
    }

    private static bool Matters(double seconds, long images) => seconds * KernelThreads.Count >= images * s_image.TotalSeconds;

    private IScoringNetwork? Other()
    {
        if (Volatile.Read(ref _other) is { } made)
        {
            return made;
        }

        lock (_gate)
        {
            return _other ??= _createOther();
        }
    }

    /// <summary>
    /// Whether the kernels take less time, or not much more, on as many of the images as fill a run; null where it doesn't matter, where others wanted the processors
    /// meanwhile, or where the times don't agree.
    /// </summary>
    private bool? Measure(ScoringImages scored)
    {
        int begun = Volatile.Read(ref s_begun);
        if (Volatile.Read(ref s_underWay) > 1)
        {
            return null;
        }

        Volatile.Write(ref _measuredFrom, Patience * Volatile.Read(ref _seen));
        using var scope = NewDisposeScope();
        Tensor images = scored.ToTensor();
        double single = Time(_kernels, images.narrow(0, 0, 1));
        long count = Math.Clamp((long)(s_run.TotalSeconds / Math.Max(single, 1e-6)), 1, images.shape[0]);
        Tensor some = images.narrow(0, 0, count);
        if (!Matters(Math.Min(Time(_kernels, some), Time(_kernels, some)), count))
        {
            return null;
        }

        // Its own: what others may have been given is freed with this object alone.
        IScoringNetwork? other = _createOther();
        if (other is null)
        {
            return true;
        }

        try
        {
            Time(other, some);
            var clock = Stopwatch.StartNew();
            TimeSpan processor = _processorTime();
            double kernels = double.PositiveInfinity, libtorch = double.PositiveInfinity, slowest = 0;
            for (int round = 0; round < Rounds; round++)
            {
                kernels = Math.Min(kernels, Time(_kernels, some));
                double time = Time(other, some);
                libtorch = Math.Min(libtorch, time);
                slowest = Math.Max(slowest, time);
            }

            double share = (_processorTime() - processor) / (clock.Elapsed * KernelThreads.Count);
            bool kernelsAreFaster = libtorch >= Margin * kernels;
            if (Volatile.Read(ref s_begun) != begun || share is < LeastShare or > MostShare || (!kernelsAreFaster && slowest > Margin * kernels))
            {
                return null;
            }

            _inform(string.Create(
                CultureInfo.InvariantCulture,
                $"Scoring by {(kernelsAreFaster ? "this library's kernels" : "libtorch")}: {count} images of {images.shape[3]}x{images.shape[2]} take {1e3 * kernels:F1} ms by the kernels and {1e3 * libtorch:F1} ms by libtorch, with {KernelThreads.Count} threads. {BackendChoice.Variable}=kernels or =libtorch fixes the choice."));
            return kernelsAreFaster;
        }
        finally
        {
            other.Dispose();
        }
    }

    private static TimeSpan ProcessorTime()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    private static double Time(IScoringNetwork network, Tensor images)
    {
        var clock = Stopwatch.StartNew();
        network.Features(images).Dispose();
        return clock.Elapsed.TotalSeconds;
    }
}
