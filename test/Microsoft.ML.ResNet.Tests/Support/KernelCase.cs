using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Sizes and threads of one run of a kernel, drawn at random: mostly small and odd, now and then larger than a block.</summary>
internal sealed class KernelCase
{
    private readonly Random _random;

    public KernelCase(int seed)
    {
        _random = new Random(seed);
        Lanes = KernelLanes.All[seed % KernelLanes.All.Count];
        bool isLarge = _random.Next(10) == 0;
        Count = isLarge ? 1 : _random.Next(1, 4);
        (Height, Width) = isLarge ? (_random.Next(18, 30), _random.Next(18, 30)) : (_random.Next(1, 1 + _random.Next(1, 18)), _random.Next(1, 1 + _random.Next(1, 18)));
        Threads = _random.Next(1, 4);
        TakesTeam = _random.Next(3) > 0;
    }

    /// <summary>The width of the kernels.</summary>
    public int Lanes { get; }

    public int Count { get; }

    public int Height { get; }

    public int Width { get; }

    /// <summary>The threads that memory is made for.</summary>
    public int Threads { get; }

    /// <summary>Whether they take part; otherwise the caller works alone.</summary>
    public bool TakesTeam { get; }

    public Random Random => _random;

    public int Next(int minimum, int maximum) => _random.Next(minimum, maximum + 1);

    public bool Coin() => _random.Next(2) == 0;

    /// <summary>16, seldom 32 or 48: channels that fill whole panels.</summary>
    public int Panels() => 16 * Next(1, Next(1, 3));

    public static ConvolutionShape Shape(int inputs, int outputs, int kernel, int stride = 1, int groups = 1)
        => new(inputs, outputs, kernel, stride, groups);

    /// <summary>Runs a kernel, in this case's width, with as much scratch memory as it asks for and no more.</summary>
    public void Run(long scratch, long shared, Action<VectorPass> run)
    {
        using KernelLanes lanes = KernelLanes.Use(Lanes);
        using var pass = new VectorPass(Threads, scratch, shared);
        if (!TakesTeam)
        {
            run(pass);
            return;
        }

        pass.Begin();
        try
        {
            run(pass);
        }
        finally
        {
            pass.End();
        }
    }

    public override string ToString() => $"[{Count},{Height},{Width}], {Lanes} lanes, {Threads} threads{(TakesTeam ? "" : ", alone")}";
}
