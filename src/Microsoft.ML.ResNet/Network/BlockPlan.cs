namespace Microsoft.ML.ResNet.Network;

/// <summary>One residual block: the convolutions of its branch, and how its shortcut gets from input to output.</summary>
/// <param name="Branch">The convolutions of the residual branch, in order.</param>
/// <param name="Stride">The stride from the block's input to its output.</param>
/// <param name="Projection">The shortcut's convolution, or null where the shortcut has none.</param>
internal sealed record BlockPlan(IReadOnlyList<ConvolutionPlan> Branch, int Stride, ConvolutionPlan? Projection)
{
    public int InputChannels => Branch[0].InputChannels;

    public int OutputChannels => Branch[^1].OutputChannels;

    /// <summary>Whether a shortcut without projection can be the identity.</summary>
    public bool KeepsShape => Stride == 1 && InputChannels == OutputChannels;

    /// <summary>All convolutions in the order of torchvision's state: the branch, then the projection.</summary>
    public IEnumerable<ConvolutionPlan> Convolutions => Projection is null ? Branch : Branch.Append(Projection);
}
