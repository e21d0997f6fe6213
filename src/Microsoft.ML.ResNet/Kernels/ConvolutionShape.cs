namespace Microsoft.ML.ResNet.Kernels;

/// <summary>The sizes of a convolution without bias. Padding is half the kernel.</summary>
/// <param name="InputChannels">Channels read.</param>
/// <param name="OutputChannels">Channels written.</param>
/// <param name="Kernel">The side of the square kernel, odd.</param>
/// <param name="Stride">The stride in both directions.</param>
/// <param name="Groups">The number of groups.</param>
internal record ConvolutionShape(int InputChannels, int OutputChannels, int Kernel, int Stride = 1, int Groups = 1)
{
    /// <summary>The shape of the weight, <c>[out, in / groups, kernel, kernel]</c>.</summary>
    public long[] WeightShape => [OutputChannels, InputChannels / Groups, Kernel, Kernel];
}
