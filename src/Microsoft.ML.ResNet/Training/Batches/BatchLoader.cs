using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Makes the augmented batches of an epoch, as a data loader does. While the network works on one batch, the next ones are filled in the
/// background, one after the other, the rows of each by several threads; images that were not needed before are decoded there. The number of
/// batches ahead is bounded by the buffers. Tensors are made on the thread that trains. A batch is the same, bit by bit, whatever the number
/// of threads.
/// </summary>
internal sealed class BatchLoader : IDisposable
{
    /// <summary>The batches that are filled ahead of a GPU, and the bytes of their pixels, at most.</summary>
    private const int LargestDepth = 3, LargestDepthBytes = 256 << 20;

    private readonly ImageDataset _images;
    private readonly float[]? _weights;
    private readonly BatchPlan _plan;
    private readonly TrainingSettings _settings;
    private readonly Device _device;
    private readonly NetworkInput _input;
    private readonly BatchMixer? _mixer;
    private readonly int[]? _files;
    private readonly ReadAhead _ahead;
    private EpochOrder _order = EpochOrder.None;
    private readonly int _threads;
    private readonly int _depth;
    private readonly ConcurrentBag<Worker> _workers = [];
    private readonly Stack<Buffer> _free = [];
    private readonly Queue<(Buffer Buffer, Task Task)> _pending = [];
    private Buffer? _current;
    private Task _last = Task.CompletedTask;
    private volatile bool _isStopping;
    private int _epoch;

    /// <summary>The epochs that the training is expected to have, which decide whether images are mixed; of batches that are begun later.</summary>
    public int ExpectedEpochs { get; set; } = int.MaxValue;

    /// <param name="plan">Of the whole set.</param>
    /// <param name="threads">The threads that fill a batch while the network works; by default what the device leaves free.</param>
    /// <param name="depth">The batches that are filled ahead; by default one beside the CPU, which needs no more, and up to three beside a GPU.</param>
    public BatchLoader(
        ImageDataset images, float[]? weights, BatchPlan plan, TrainingSettings settings, Device device, int? threads = null, int? depth = null)
    {
        _images = images;
        _weights = weights;
        _plan = plan;
        _settings = settings;
        _device = device;
        _input = new NetworkInput(images.Format, device);
        _files = EpochOrder.FilesOf(images.Entries);
        _ahead = new ReadAhead(images, plan, settings.ShuffleBufferSize);
        _mixer = settings.Augmentation.MixesBatches ? new BatchMixer(settings.Augmentation, images.Format) : null;
        bool isOnCpu = device.type == DeviceType.CPU;
        long batchBytes = (long)plan.LargestBatch * images.Format.ByteCount;
        _threads = threads ?? FeedThreads.Beside(device);
        _depth = depth ?? (isOnCpu ? 1 : (int)Math.Clamp(LargestDepthBytes / batchBytes, 1, LargestDepth));
        for (int i = 0; i <= _depth; i++)
        {
            _free.Push(new Buffer(plan.LargestBatch, images.Format.ByteCount));
        }
    }

    private bool Mixes => _mixer is not null && ExpectedEpochs >= _settings.Augmentation.FewestEpochsToMix;

    /// <summary>Draws the order of an epoch, over the whole set, of which this rank has a part.</summary>
    /// <param name="shardCount">See <see cref="EpochOrder"/>.</param>
    public void Shuffle(int epoch, int shardCount = 1)
    {
        Stop();
        _epoch = epoch;
        _order = _files is null
            ? EpochOrder.Of(_plan.TotalRows, shardCount, _settings.Seed, epoch)
            : EpochOrder.OfFiles(_plan.TotalRows, shardCount, _settings.Seed, epoch, _files, _settings.ShuffleBufferSize);
        _ahead.Begin(_order);
    }

    /// <summary>Makes a batch of the epoch; they are asked for one after the other, from the first.</summary>
    /// <returns>Tensors that belong to the caller's scope.</returns>
    /// <exception cref="IOException">An image can't be read or decoded.</exception>
    public TrainingBatch Create(int batch)
    {
        if (_pending.Count == 0)
        {
            Begin(batch, Environment.ProcessorCount);
        }

        var (buffer, task) = _pending.Dequeue();
        task.GetAwaiter().GetResult();
        if (_current is not null)
        {
            _free.Push(_current);
        }

        _current = buffer;
        for (int following = batch + 1 + _pending.Count; _pending.Count < _depth && following < _plan.Count; following++)
        {
            Begin(following, _threads);
        }

        int count = _current.Count;
        MixedLabels? mixing = _current.Mixing is { } mixed ? new MixedLabels(tensor(mixed.Partners, device: _device), tensor(mixed.Weights, device: _device)) : null;
        return new TrainingBatch(
            _input.Create(_current.Pixels, count),
            tensor(_current.Labels.AsSpan(0, count).ToArray(), device: _device),
            _weights is null ? null : tensor(_current.Weights.AsSpan(0, count).ToArray(), device: _device),
            mixing);
    }

    /// <summary>Fills a batch and makes no tensors of it, to measure what filling alone takes.</summary>
    public void Fill(int batch) => Fill(_free.Peek(), batch, _threads, Mixes);

    /// <summary>Drops the batches that are on their way, and waits until nothing reads the images any more.</summary>
    public void Stop()
    {
        _isStopping = true;
        while (_pending.TryDequeue(out (Buffer Buffer, Task Task) next))
        {
            try
            {
                next.Task.GetAwaiter().GetResult();
            }
            catch (Exception exception) when (BadImageLog.IsBadImage(exception))
            {
                // The failed batch will not be asked for.
            }

            _free.Push(next.Buffer);
        }

        _isStopping = false;
        _last = Task.CompletedTask;
    }

    public void Dispose()
    {
        try
        {
            Stop();
        }
        finally
        {
            _input.Dispose();
        }
    }

    /// <summary>Starts to fill a batch as soon as the one before it is full.</summary>
    private void Begin(int batch, int threads)
    {
        Buffer buffer = _free.Pop();
        Task previous = _last;
        bool mixes = Mixes;
        _last = Task.Run(async () =>
        {
            await previous.ConfigureAwait(false);
            if (!_isStopping)
            {
                Fill(buffer, batch, threads, mixes);
            }
        });
        _pending.Enqueue((buffer, _last));
    }

    private void Fill(Buffer buffer, int batch, int threads, bool mixes)
    {
        int count = _plan.RowsOf(batch);
        int[] rows = new int[count];
        for (int i = 0; i < count; i++)
        {
            rows[i] = _order.Rows[_plan[batch, i]];
        }

        _ahead.Advance(batch);
        _images.Prepare(rows, threads);
        if (threads == 1)
        {
            Worker worker = Rent();
            for (int i = 0; i < count; i++)
            {
                FillRow(buffer, i, rows[i], worker);
            }

            _workers.Add(worker);
        }
        else
        {
            FillInParallel(buffer, rows, threads);
        }

        buffer.Mixing = mixes ? _mixer!.Mix(buffer.Pixels, buffer.Labels, rows, _settings.Seed, _epoch) : null;
        buffer.Count = count;
    }

    private void FillInParallel(Buffer buffer, int[] rows, int threads)
    {
        try
        {
            Parallel.For(
                0,
                rows.Length,
                new ParallelOptions { MaxDegreeOfParallelism = threads },
                Rent,
                (i, _, worker) =>
                {
                    FillRow(buffer, i, rows[i], worker);
                    return worker;
                },
                _workers.Add);
        }
        catch (AggregateException exception)
        {
            // As one thread would throw it.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    private void FillRow(Buffer buffer, int place, int row, Worker worker)
    {
        InputFormat format = _images.Format;
        CachedImage image = _images.Get(row, ref worker.Image);
        Span<byte> target = buffer.Pixels.AsSpan(place * format.ByteCount, format.ByteCount);
        _settings.Augmentation.Apply(image, format, new RowDraws(_settings.Seed, _epoch, row), target, worker.Scratch);
        buffer.Labels[place] = _images.Labels[row];
        buffer.Weights[place] = _weights?[row] ?? 1;
    }

    private Worker Rent() => _workers.TryTake(out Worker? worker) ? worker : new Worker();

    /// <summary>What a thread works in.</summary>
    private sealed class Worker
    {
        /// <summary>Holds an image that lies in the cache's temporary file.</summary>
        public byte[] Image = [];

        public AugmentationScratch Scratch { get; } = new();
    }

    private sealed class Buffer(int capacity, int imageSize)
    {
        public byte[] Pixels { get; } = GC.AllocateUninitializedArray<byte>(checked(capacity * imageSize));

        public long[] Labels { get; } = new long[capacity];

        public float[] Weights { get; } = new float[capacity];

        public MixedTargets? Mixing { get; set; }

        public int Count { get; set; }
    }
}
