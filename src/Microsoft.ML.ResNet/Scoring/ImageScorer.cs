using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network with what it takes to feed it: computes probabilities or features of batches of images. Safe to use from many threads
/// at once. The weights stay on the CPU until images are first scored, so that models which are only kept take no memory of a GPU.
/// </summary>
internal sealed class ImageScorer : IDisposable
{
    private const string DisposedMessage =
        "The model has been disposed. A PredictionEngine disposes its model with itself by default: where several engines share one, create them with new PredictionEngineOptions { OwnsTransformer = false }.";

    /// <summary>Calls after which freed memory is given back: each thread that ever scored keeps what it freed.</summary>
    private const int CallsBetweenReturns = 512;

    private static int s_calls;

    private readonly object _gate = new();
    private readonly ScoringDevice _device;
    private readonly NetworkOutput _output;
    private readonly ReferenceCount _lifetime;
    private DeviceNetwork? _ready;

    /// <summary>Takes ownership of the network, brings it back to the CPU and puts it into evaluation mode.</summary>
    public ImageScorer(ResidualNetwork network, InputFormat format, ScoringDevice device, NetworkOutput output, string ownerName)
    {
        Network = network;
        Format = format;
        _device = device;
        _output = output;
        network.to(CPU);
        network.eval();
        network.ActivationType = device.Type;
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            entry.Parameter.requires_grad = false;
        }

        _lifetime = new ReferenceCount(new Resources(this), ownerName, DisposedMessage);
    }

    /// <summary>The network, on the CPU.</summary>
    public ResidualNetwork Network { get; }

    public InputFormat Format { get; }

    /// <summary>What was asked to score with.</summary>
    public ScoringBackend Backend => _device.Backend;

    /// <summary>The views of an image that are averaged.</summary>
    public ImageViews Views { get; init; } = ImageViews.Single;

    /// <summary>The bytes of all crops of an image in a batch buffer.</summary>
    public int ImageByteCount => Views.Crops.Count * Format.ByteCount;

    /// <summary>The number of values of an image.</summary>
    public int OutputLength => _output == NetworkOutput.Features ? Network.FeatureCount : Network.ClassCount;

    /// <summary>The images that are scored at once.</summary>
    public int BatchSize => Format.BatchSize(_device.Device);

    /// <summary>The threads that decode the next batch while one is scored.</summary>
    public int DecodingThreads => FeedThreads.Beside(_device.Device);

    /// <summary>Keeps the network alive for as long as the result is not disposed.</summary>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ReferenceCount.Use Enter() => _lifetime.Enter();

    /// <summary>Scores the first <paramref name="count"/> images of a batch buffer.</summary>
    /// <param name="pixels">Images in the <see cref="Format"/>, one behind the other, each with its crops.</param>
    /// <param name="results">[count, OutputLength]; probabilities are softmax, each row sums to 1.</param>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public void Score(ReadOnlyMemory<byte> pixels, int count, Span<float> results)
    {
        using ReferenceCount.Use use = Enter();
        using ScoringTurns.Turn turn = ScoringTurns.Take();
        DeviceNetwork network = Ready();
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        Tensor values = _output == NetworkOutput.Features ? network.Features(new ScoringImages(network.Input, pixels, count)) : Logits(network, pixels, count).softmax(1);
        values.cpu().data<float>().CopyTo(results[..(count * OutputLength)]);
        if (unchecked((uint)Interlocked.Increment(ref s_calls)) % CallsBetweenReturns == 0)
        {
            FreedMemory.Return();
        }
    }

    public void Dispose() => _lifetime.Dispose();

    /// <summary>The logits, [count, K], averaged over the views of each image.</summary>
    private Tensor Logits(DeviceNetwork network, ReadOnlyMemory<byte> pixels, int count)
    {
        if (Views.Count == 1)
        {
            return network.Logits(new ScoringImages(network.Input, pixels, count));
        }

        // No more at once than the network scores of plain images.
        int crops = count * Views.Crops.Count, most = Math.Max(1, Views.AreFlipped ? BatchSize / 2 : BatchSize);
        List<Tensor> parts = [];
        for (int start = 0; start < crops; start += most)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor images = network.Input.Create(pixels.Span[(start * Format.ByteCount)..], Math.Min(most, crops - start));
            parts.Add(Views.Logits(view => network.Logits(view), images).MoveToOuterDisposeScope());
        }

        return cat(parts).view(count, Views.Crops.Count, -1).mean([1]);
    }

    private DeviceNetwork Ready()
    {
        lock (_gate)
        {
            return _ready ??= DeviceNetwork.Create(Network, Format, _device);
        }
    }

    private sealed class Resources(ImageScorer owner) : IDisposable
    {
        public void Dispose()
        {
            owner._ready?.Dispose();
            owner.Network.Dispose();

            // A server that replaces its model would otherwise keep the memory of each.
            FreedMemory.Return();
        }
    }
}
