using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Where and how networks score.</summary>
/// <param name="Device">The device of the network's tensors.</param>
/// <param name="Type">The type of activations, Float32 or BFloat16.</param>
/// <param name="Fused">The fast convolutions of that type, or null where the plain network scores.</param>
internal sealed record ScoringDevice(Device Device, ScalarType Type, FusedConvolutions? Fused)
{
    public static ScoringDevice Choose(Device device, ScoringPrecision precision, IChannel channel)
    {
        ScalarType type = BFloat16Support.TypeFor(precision, device, channel);
        return new ScoringDevice(device, type, FusedConvolutions.For(device, channel, type));
    }
}
