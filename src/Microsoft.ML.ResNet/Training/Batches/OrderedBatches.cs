using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Makes batches of images in their order, for a network that stays as it is. While the network works on one batch, the next one is decoded and
/// filled in the background. A batch is the same, bit by bit, whatever the number of threads.
/// </summary>
/// <param name="fill">Fills an image into its place of a batch; called by several threads, each with a scratch of its own.</param>
/// <param name="batchSize">The images of a batch; null: as many as a classifier scores at once on the device.</param>
internal sealed class OrderedBatches(ImageDataset images, Device device, OrderedBatches.RowFill fill, int? batchSize = null) : IDisposable
{
    private readonly NetworkInput _input = new(images.Format, device);
    private readonly ConcurrentBag<Worker> _workers = [];
    private byte[] _pixels = [];
    private Task? _filling;
    private int _count;

    /// <param name="view">What the caller gave to <see cref="Begin"/>.</param>
    public delegate void RowFill(int row, int view, CachedImage image, AugmentationScratch scratch, Span<byte> target);

    /// <summary>The images of a batch, but for the last.</summary>
    public int BatchSize { get; } = Math.Min(batchSize ?? images.Format.BatchSize(device), images.Count);

    /// <summary>Starts on the images from <paramref name="start"/> on, a batch or what is left of it. The batch before it has been taken.</summary>
    public void Begin(int start, int view = 0)
    {
        int threads = _count == 0 ? Environment.ProcessorCount : FeedThreads.Beside(device);
        _count = Math.Min(BatchSize, images.Count - start);
        _filling = Task.Run(() => Fill(start, view, threads));
    }

    /// <summary>Waits for the batch that was begun.</summary>
    /// <returns>[N,C,H,W] float32, normalised, in the caller's scope.</returns>
    /// <exception cref="IOException">An image can't be read or decoded.</exception>
    public Tensor Take()
    {
        Task filling = _filling ?? throw new InvalidOperationException("No batch has been begun.");
        _filling = null;
        filling.GetAwaiter().GetResult();
        return _input.Create(_pixels, _count);
    }

    /// <summary>Waits for the pending batch; its outcome is ignored.</summary>
    public void Dispose()
    {
        (_filling as IAsyncResult)?.AsyncWaitHandle.WaitOne();
        _input.Dispose();
    }

    private void Fill(int start, int view, int threads)
    {
        int length = images.Format.ByteCount;
        if (_pixels.Length == 0)
        {
            _pixels = GC.AllocateUninitializedArray<byte>(checked(BatchSize * length));
        }

        images.Prepare([.. Enumerable.Range(start, _count)], threads);
        try
        {
            Parallel.For(
                0,
                _count,
                new ParallelOptions { MaxDegreeOfParallelism = threads },
                () => _workers.TryTake(out Worker? worker) ? worker : new Worker(),
                (i, _, worker) =>
                {
                    fill(start + i, view, images.Get(start + i, ref worker.Image), worker.Scratch, _pixels.AsSpan(i * length, length));
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

    /// <summary>What a thread works in.</summary>
    private sealed class Worker
    {
        /// <summary>Holds an image that lies in the cache's temporary file.</summary>
        public byte[] Image = [];

        public AugmentationScratch Scratch { get; } = new();
    }
}
