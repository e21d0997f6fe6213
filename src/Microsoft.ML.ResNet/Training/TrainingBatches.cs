using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Makes the augmented batches of an epoch. While the network works on one batch, a background thread fills the next into the other of
/// two buffers, decoding images that were not needed before; tensors are made on the thread that trains.
/// </summary>
internal sealed class TrainingBatches : IDisposable
{
    private readonly ImageSet _images;
    private readonly float[]? _weights;
    private readonly BatchPlan _plan;
    private readonly TrainingSettings _settings;
    private readonly Device _device;
    private readonly NetworkInput _input;
    private readonly BatchMixer? _mixer;
    private readonly int[] _order;
    private readonly AugmentationScratch _scratch = new();
    private Buffer _current;
    private Buffer _next;
    private Task? _filling;
    private int _epoch;

    public TrainingBatches(ImageSet images, float[]? weights, BatchPlan plan, TrainingSettings settings, Device device)
    {
        _images = images;
        _weights = weights;
        _plan = plan;
        _settings = settings;
        _device = device;
        _input = new NetworkInput(images.Format, device);
        _mixer = settings.Augmentation.MixesBatches ? new BatchMixer(settings.Augmentation, images.Format) : null;
        _order = new int[images.Count];
        _current = new Buffer(plan.LargestBatch, images.Format.ByteCount);
        _next = new Buffer(plan.LargestBatch, images.Format.ByteCount);
    }

    /// <summary>Draws the order of an epoch, over the whole set.</summary>
    public void Shuffle(int epoch)
    {
        _epoch = epoch;
        for (int i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }

        SplitMix64.ForEpoch(_settings.Seed, epoch).Shuffle(_order);
    }

    /// <summary>Makes a batch of the epoch; they are asked for one after the other, from the first.</summary>
    /// <returns>Tensors that belong to the caller's scope.</returns>
    /// <exception cref="IOException">An image can't be read or decoded.</exception>
    public TrainingBatch Create(int batch)
    {
        if (_filling is null)
        {
            Fill(_next, batch, Environment.ProcessorCount);
        }
        else
        {
            Finish();
        }

        (_current, _next) = (_next, _current);
        if (batch + 1 < _plan.Count)
        {
            // The network has the processors; decoding takes what one thread can get.
            int threads = Math.Max(1, Environment.ProcessorCount / 2), following = batch + 1;
            Buffer target = _next;
            _filling = Task.Run(() => Fill(target, following, threads));
        }

        int count = _current.Count;
        MixedLabels? mixing = _current.Mixing is { } mixed ? new MixedLabels(tensor(mixed.Partners, device: _device), tensor(mixed.Weights, device: _device)) : null;
        return new TrainingBatch(
            _input.Create(_current.Pixels, count),
            tensor(_current.Labels.AsSpan(0, count).ToArray(), device: _device),
            _weights is null ? null : tensor(_current.Weights.AsSpan(0, count).ToArray(), device: _device),
            mixing);
    }

    public void Dispose()
    {
        try
        {
            Finish();
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            // Nobody will ask for the batch that this is about.
        }

        _input.Dispose();
    }

    private void Finish()
    {
        Task? filling = _filling;
        _filling = null;
        filling?.GetAwaiter().GetResult();
    }

    private void Fill(Buffer buffer, int batch, int threads)
    {
        InputFormat format = _images.Format;
        ReadOnlySpan<int> rows = _order.AsSpan(_plan[batch]);
        _images.Prepare(rows, threads);
        for (int i = 0; i < rows.Length; i++)
        {
            int row = rows[i];
            _settings.Augmentation.Apply(_images[row], format, new RowDraws(_settings.Seed, _epoch, row), buffer.Pixels.AsSpan(i * format.ByteCount, format.ByteCount), _scratch);
            buffer.Labels[i] = _images.Labels[row];
            buffer.Weights[i] = _weights?[row] ?? 1;
        }

        buffer.Mixing = _mixer?.Mix(buffer.Pixels, buffer.Labels, rows, _settings.Seed, _epoch);
        buffer.Count = rows.Length;
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
