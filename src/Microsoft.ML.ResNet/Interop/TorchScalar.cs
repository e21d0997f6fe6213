using TorchSharp;

namespace Microsoft.ML.ResNet.Interop;

/// <summary>
/// Scalars that outlive the calls they are for. TorchSharp makes one of every number that an operator takes, even of the factor 1 that
/// <c>add_</c> has by default, and holds it no longer than it takes to read its address: a finaliser may free it while libtorch reads it.
/// Scalars are therefore held by whoever calls, or are tensors.
/// </summary>
internal static class TorchScalar
{
    /// <summary>The factor of a plain sum.</summary>
    public static Scalar One { get; } = 1.0;
}
