using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>One step of a pass through a network, between slots of memory.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Convolution">Which convolution, counted in the order of <see cref="Network.NetworkPlan.Convolutions"/>.</param>
/// <param name="Input">The slot that is read.</param>
/// <param name="Output">The slot that is written.</param>
/// <param name="Residual">The slot that a convolution adds, or -1.</param>
/// <param name="InputShape">What the input slot holds.</param>
/// <param name="OutputShape">What the output slot holds afterwards.</param>
internal sealed record ExecutionStep(
    ExecutionStepKind Kind, int Convolution, int Input, int Output, int Residual, bool Relu, Activations InputShape, Activations OutputShape)
{
    /// <summary>For <see cref="ExecutionStepKind.Subsample"/>: the input's own channels, the zeros before them, and the stride.</summary>
    public (int Channels, int Before, int Stride) Shortcut { get; init; }
}
