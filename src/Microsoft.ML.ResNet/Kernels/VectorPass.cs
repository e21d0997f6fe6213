namespace Microsoft.ML.ResNet.Kernels;

/// <summary>The memory that one pass through a network works in, and the threads it works with. For one pass at a time.</summary>
internal sealed unsafe class VectorPass : IDisposable
{
    /// <summary>Each part has its own sums, sixteen ninths as large as the weights. Beyond this, merging costs more than it saves.</summary>
    private const int MostParts = 16;

    private readonly AlignedBuffer _scratch;
    private readonly AlignedBuffer _shared;
    private readonly long _scratchLength;
    private readonly int _threads;
    private IntraOpThreadPool? _pool;

    public VectorPass(int threads, long scratchLength, long sharedScratchLength)
    {
        _threads = threads;
        _scratchLength = ConvolutionPanel.Stored(checked((int)scratchLength));
        _scratch = new AlignedBuffer(_scratchLength * threads);
        _shared = new AlignedBuffer(sharedScratchLength);
    }

    /// <summary>The threads that works are divided for: one where this pass works alone.</summary>
    public int Threads => _pool is null ? 1 : _threads;

    /// <summary>The threads that memory was made for, whether this pass works alone or not.</summary>
    public int MostThreads => _threads;

    /// <summary>The parts that sums over a batch are divided into, whether this pass works alone or not.</summary>
    public int Parts => PartsOf(_threads);

    /// <summary>Memory that all workers share.</summary>
    public float* Shared => _shared.Pointer;

    /// <summary>The parts that so many threads divide sums into.</summary>
    public static int PartsOf(int threads) => Math.Min(threads, MostParts);

    /// <summary>The memory of one worker.</summary>
    public float* Scratch(int worker) => _scratch.Pointer + (worker * _scratchLength);

    /// <summary>Takes the pool if it is free.</summary>
    public void Begin()
    {
        if (_threads > 1 && IntraOpThreadPool.Shared.TryEnter())
        {
            _pool = IntraOpThreadPool.Shared;
        }
    }

    public void End()
    {
        _pool?.Leave();
        _pool = null;
    }

    public void Run(IParallelWork work, int itemCount)
    {
        if (_pool is { } pool)
        {
            pool.Run(work, itemCount, _threads);
        }
        else
        {
            IntraOpThreadPool.RunAlone(work, itemCount);
        }
    }

    public void Dispose()
    {
        _scratch.Dispose();
        _shared.Dispose();
    }
}
