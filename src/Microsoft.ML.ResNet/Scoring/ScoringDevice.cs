using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Where and how networks score.</summary>
/// <param name="Device">The device of the network's tensors.</param>
/// <param name="Type">The type of activations, Float32 or BFloat16.</param>
/// <param name="HasVectorKernels">Whether this library's own kernels score.</param>
/// <param name="Fused">libtorch's fast convolutions of that type; where there is neither, the plain network scores.</param>
internal sealed record ScoringDevice(Device Device, ScalarType Type, bool HasVectorKernels, FusedConvolutions? Fused)
{
    public static ScoringDevice Choose(Device device, ScoringPrecision precision, IChannel channel)
    {
        ScalarType type = BFloat16Support.TypeFor(precision, device, channel);
        bool hasVectorKernels = device.type == DeviceType.CPU && type == ScalarType.Float32 && VectorNetwork.IsSupported;
        return new ScoringDevice(device, type, hasVectorKernels, hasVectorKernels ? null : FusedConvolutions.For(device, channel, type));
    }

    /// <summary>Prepares a network to score fast; null where there is nothing faster than itself.</summary>
    /// <param name="network">On the CPU, in evaluation mode; it must live as long as the result.</param>
    public IScoringNetwork? Prepare(ResidualNetwork network)
        => HasVectorKernels ? new VectorNetwork(network) : Fused is { } fused ? new FusedNetwork(network, fused) : null;
}
