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

    /// <summary>
    /// The share of the kernels' time that libtorch may take at most to be chosen. The two differ in the last bits: what is about equally fast must not change from
    /// process to process.
    /// </summary>
    private const double Margin = 0.7;

    /// <summary>The time of a run that is measured; and of a call of which it matters. Small networks on small images stay with the kernels.</summary>
    private static readonly TimeSpan s_run = TimeSpan.FromMilliseconds(20), s_call = TimeSpan.FromMilliseconds(10);

    private static readonly ConcurrentDictionary<(string Shape, long Height, long Width, int Threads), bool> s_kernelsAreFaster = new();

    private readonly IScoringNetwork _kernels;
    private readonly Func<IScoringNetwork?> _createOther;
    private readonly string _shape;
    private readonly Action<string> _inform;
    private readonly object _gate = new();
    private IScoringNetwork? _other;
    private long _seen;

    /// <param name="kernels">Freed with this object.</param>
    /// <param name="createOther">Makes what scores by libtorch, or null where it can't.</param>
    /// <param name="shape">The same for networks of the same layers, and those alone.</param>
    /// <param name="inform">Takes a line of the log.</param>
    public MeasuredNetwork(IScoringNetwork kernels, Func<IScoringNetwork?> createOther, string shape, Action<string> inform)
    {
        _kernels = kernels;
        _createOther = createOther;
        _shape = shape;
        _inform = inform;
    }

    public Tensor Forward(Tensor images) => Score(images, static (network, images) => network.Forward(images));

    public Tensor Features(Tensor images) => Score(images, static (network, images) => network.Features(images));

    public void Dispose()
    {
        _kernels.Dispose();
        _other?.Dispose();
    }

    private Tensor Score(Tensor images, Func<IScoringNetwork, Tensor, Tensor> score)
    {
        long[] size = images.shape;
        var key = (_shape, size[2], size[3], KernelThreads.Count);
        if (s_kernelsAreFaster.TryGetValue(key, out bool kernelsAreFaster))
        {
            return score(kernelsAreFaster ? _kernels : Other() ?? _kernels, images);
        }

        var clock = Stopwatch.StartNew();
        Tensor result = score(_kernels, images);
        bool matters = clock.Elapsed >= s_call;

        // One measures; what others score meanwhile must not wait for it.
        if (Interlocked.Add(ref _seen, size[0]) >= ImagesBefore && matters && Monitor.TryEnter(_gate))
        {
            try
            {
                s_kernelsAreFaster.GetOrAdd(key, _ => Measure(images));
            }
            finally
            {
                Monitor.Exit(_gate);
            }
        }

        return result;
    }

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

    /// <summary>Whether the kernels take less time, or not much more, on as many of the images as fill a run.</summary>
    private bool Measure(Tensor images)
    {
        using var scope = NewDisposeScope();
        IScoringNetwork? other = _createOther();
        if (other is null)
        {
            return true;
        }

        double single = Time(_kernels, images.narrow(0, 0, 1));
        long count = Math.Clamp((long)(s_run.TotalSeconds / Math.Max(single, 1e-6)), 1, images.shape[0]);
        Tensor some = images.narrow(0, 0, count);
        Time(other, some);
        double kernels = double.PositiveInfinity, libtorch = double.PositiveInfinity;
        for (int round = 0; round < Rounds; round++)
        {
            kernels = Math.Min(kernels, Time(_kernels, some));
            libtorch = Math.Min(libtorch, Time(other, some));
        }

        bool kernelsAreFaster = libtorch >= Margin * kernels;
        if (kernelsAreFaster)
        {
            other.Dispose();
        }
        else
        {
            Volatile.Write(ref _other, other);
        }

        _inform(string.Create(
            CultureInfo.InvariantCulture,
            $"Scoring by {(kernelsAreFaster ? "this library's kernels" : "libtorch")}: {count} images of {images.shape[3]}x{images.shape[2]} take {1e3 * kernels:F1} ms by the kernels and {1e3 * libtorch:F1} ms by libtorch, with {KernelThreads.Count} threads. {BackendChoice.Variable}=kernels or =libtorch fixes the choice."));
        return kernelsAreFaster;
    }

    private static double Time(IScoringNetwork network, Tensor images)
    {
        var clock = Stopwatch.StartNew();
        network.Features(images).Dispose();
        return clock.Elapsed.TotalSeconds;
    }
}
