using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A trained network with what it takes to feed it: scores batches of images. Safe to use from many threads at once.</summary>
internal sealed class ImageClassifier : IDisposable
{
    private readonly NetworkInput _input;
    private readonly ScoringNetwork? _scoring;
    private readonly SharedLifetime _lifetime;

    /// <summary>Takes ownership of the network and puts it into evaluation mode.</summary>
    /// <param name="fused">What the fast path needs, or null to score with the network itself; on the CPU only.</param>
    public ImageClassifier(ResidualNetwork network, InputFormat format, Device device, FusedConvolutions? fused)
    {
        Network = network;
        _input = new NetworkInput(format, device);
        network.to(device);
        network.eval();
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            entry.Parameter.requires_grad = false;
        }

        _scoring = fused is null ? null : new ScoringNetwork(network, fused);
        _lifetime = new SharedLifetime(new Resources(network, _input, _scoring), nameof(ResNetTransformer));
    }

    public ResidualNetwork Network { get; }

    public InputFormat Format => _input.Format;

    public int ClassCount => Network.ClassCount;

    /// <summary>The images that are scored at once: enough to keep the processor busy, few enough for 16 MiB of pixels.</summary>
    public int BatchSize => Math.Clamp((16 << 20) / Format.ByteCount, 1, 32);

    /// <summary>Keeps the network alive for as long as the result is not disposed.</summary>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public SharedLifetime.Use Enter() => _lifetime.Enter();

    /// <summary>Scores the first <paramref name="count"/> images of a batch buffer.</summary>
    /// <param name="pixels">Images in the <see cref="Format"/>, one behind the other.</param>
    /// <param name="probabilities">[count, classes]: softmax, each row sums to 1.</param>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public void Score(ReadOnlySpan<byte> pixels, int count, Span<float> probabilities)
    {
        using SharedLifetime.Use use = Enter();
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        Tensor images = _input.Create(pixels, count);
        Tensor logits = _scoring?.Forward(images) ?? Network.forward(images);
        logits.softmax(1).cpu().data<float>().CopyTo(probabilities[..(count * ClassCount)]);
    }

    public void Dispose() => _lifetime.Dispose();

    private sealed class Resources(ResidualNetwork network, NetworkInput input, ScoringNetwork? scoring) : IDisposable
    {
        public void Dispose()
        {
            scoring?.Dispose();
            network.Dispose();
            input.Dispose();
        }
    }
}
