using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A trained network with what it takes to feed it: computes probabilities or features of batches of images. Safe to use from many threads at once.</summary>
internal sealed class ImageScorer : IDisposable
{
    private readonly NetworkOutput _output;
    private readonly NetworkInput _input;
    private readonly ScoringNetwork? _scoring;
    private readonly SharedLifetime _lifetime;

    /// <summary>Takes ownership of the network and puts it into evaluation mode.</summary>
    public ImageScorer(ResidualNetwork network, InputFormat format, ScoringDevice device, NetworkOutput output, string ownerName)
    {
        Network = network;
        _output = output;
        _input = new NetworkInput(format, device.Device);
        network.to(device.Device);
        network.eval();
        network.ActivationType = device.Type;
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            entry.Parameter.requires_grad = false;
        }

        _scoring = device.Fused is { } fused ? new ScoringNetwork(network, fused) : null;
        _lifetime = new SharedLifetime(new Resources(network, _input, _scoring), ownerName);
    }

    public ResidualNetwork Network { get; }

    public InputFormat Format => _input.Format;

    /// <summary>The number of values of an image.</summary>
    public int OutputLength => _output == NetworkOutput.Features ? Network.FeatureCount : Network.ClassCount;

    /// <summary>The images that are scored at once: enough to keep the processor busy, few enough for 16 MiB of pixels.</summary>
    public int BatchSize => Math.Clamp((16 << 20) / Format.ByteCount, 1, 32);

    /// <summary>Keeps the network alive for as long as the result is not disposed.</summary>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public SharedLifetime.Use Enter() => _lifetime.Enter();

    /// <summary>Scores the first <paramref name="count"/> images of a batch buffer.</summary>
    /// <param name="pixels">Images in the <see cref="Format"/>, one behind the other.</param>
    /// <param name="results">[count, OutputLength]; probabilities are softmax, each row sums to 1.</param>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public void Score(ReadOnlySpan<byte> pixels, int count, Span<float> results)
    {
        using SharedLifetime.Use use = Enter();
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        Tensor images = _input.Create(pixels, count);
        Tensor values = _output == NetworkOutput.Features
            ? _scoring?.Features(images) ?? Network.Features(images)
            : (_scoring?.Forward(images) ?? Network.forward(images)).softmax(1);
        values.cpu().data<float>().CopyTo(results[..(count * OutputLength)]);
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
