using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Network;

/// <summary>A convolution and the batch normalisation after it: names and sizes, no tensors.</summary>
/// <param name="Name">The convolution's name in the state, as torchvision's: <c>layer1.0.conv1</c>.</param>
/// <param name="NormName">The batch normalisation's name in the state: <c>layer1.0.bn1</c>.</param>
/// <param name="InputChannels">Channels read.</param>
/// <param name="OutputChannels">Channels written.</param>
/// <param name="Kernel">The side of the square kernel, odd.</param>
/// <param name="Stride">The stride in both directions.</param>
/// <param name="Groups">The number of groups.</param>
internal sealed record ConvolutionPlan(
    string Name, string NormName, int InputChannels, int OutputChannels, int Kernel, int Stride = 1, int Groups = 1)
    : ConvolutionShape(InputChannels, OutputChannels, Kernel, Stride, Groups)
{
    /// <summary>The multiplications, each with its addition, that an output of a size takes.</summary>
    public long MultiplyAdds(long outputHeight, long outputWidth)
        => outputHeight * outputWidth * OutputChannels * (InputChannels / Groups) * Kernel * Kernel;
}
