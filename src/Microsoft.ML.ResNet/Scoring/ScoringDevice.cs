using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Where and how networks score.</summary>
/// <param name="Device">The device of the network's tensors.</param>
/// <param name="Type">The type of activations, Float32 or BFloat16.</param>
/// <param name="HasVectorKernels">Whether this library's own kernels may score.</param>
/// <param name="Fused">libtorch's fast convolutions of that type; where there is neither, the plain network scores.</param>
internal sealed record ScoringDevice(Device Device, ScalarType Type, bool HasVectorKernels, FusedConvolutions? Fused)
{
    /// <summary>What was asked for.</summary>
    public ScoringBackend Backend { get; init; }

    /// <summary>Where there are two ways, and the faster is to be found: takes the line of the log that says which it is. Null: there is no choice.</summary>
    private Action<string>? Inform { get; init; }

    /// <param name="environment">Has the log of what is chosen later.</param>
    /// <param name="channel">Takes what is said at once.</param>
    /// <exception cref="InvalidOperationException">The environment variable that fixes the backend has another value.</exception>
    public static ScoringDevice Choose(Device device, ScoringPrecision precision, ScoringBackend backend, IHostEnvironment environment, IChannel channel)
    {
        ScalarType type = BFloat16Support.TypeFor(precision, device, channel);
        ScoringBackend resolved = BackendChoice.Resolve(backend);
        bool isForKernels = device.type == DeviceType.CPU && type == ScalarType.Float32;
        if (isForKernels && resolved == ScoringBackend.Kernels && !VectorNetwork.IsSupported)
        {
            channel.Warning(MessageSensitivity.None, "Scoring by this library's kernels is asked for, but this processor has neither AVX2 with FMA nor Arm64's instructions: libtorch scores.");
        }

        bool hasVectorKernels = isForKernels && resolved != ScoringBackend.LibTorch && VectorNetwork.IsSupported;
        return new ScoringDevice(device, type, hasVectorKernels, hasVectorKernels ? null : FusedConvolutions.For(device, channel, type))
        {
            Backend = backend,
            Inform = hasVectorKernels && resolved == ScoringBackend.Auto ? line => Write(environment, line) : null,
        };
    }

    /// <summary>Prepares a network to score fast; null where there is nothing faster than itself.</summary>
    /// <param name="network">On the CPU, in evaluation mode; it must live as long as the result.</param>
    public IScoringNetwork? Prepare(ResidualNetwork network)
    {
        if (!HasVectorKernels)
        {
            return Fused is { } fused ? new FusedNetwork(network, fused) : null;
        }

        var kernels = new VectorNetwork(network);
        return Inform is null ? kernels : new MeasuredNetwork(kernels, () => OfLibTorch(network), Shape(network), Inform);
    }

    /// <summary>
    /// As <see cref="Prepare"/>, without a choice by time: a training that validates has to come to the same bits each time.
    /// </summary>
    public IScoringNetwork? PrepareRepeatable(ResidualNetwork network) => (this with { Inform = null }).Prepare(network);

    /// <summary>What scores by libtorch, or null where it can't be made, as with a temporary folder that is full: a choice by time is no reason to fail.</summary>
    private static FusedNetwork? OfLibTorch(ResidualNetwork network)
    {
        try
        {
            return FusedConvolutions.Find(ScalarType.Float32) is { } fused ? new FusedNetwork(network, fused) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Shape(ResidualNetwork network) => $"{network.Specification}, {network.InputChannels} channels";

    private static void Write(IHostEnvironment environment, string line)
    {
        using IChannel channel = environment.Start(nameof(ResNetTransformer));
        channel.Info(MessageSensitivity.None, "{0}", line);
    }
}
