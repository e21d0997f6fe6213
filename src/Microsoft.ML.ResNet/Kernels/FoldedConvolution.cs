
namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution and what the normalisation after it makes of its result: result * factor + bias.</summary>
/// <param name="Weight">The address of [out, kernel, kernel, in / groups] float32, without the factor. It is read while a convolution is made of it, and not later.</param>
/// <param name="Factor">[out]: scale / deviation.</param>
/// <param name="Bias">[out]: shift - mean * scale / deviation.</param>
internal sealed record FoldedConvolution(ConvolutionShape Shape, nint Weight, double[] Factor, double[] Bias)
{
    /// <summary>The bias of every stored channel, zero where there is none.</summary>
    public AlignedBuffer StoredBias()
    {
        var stored = new AlignedBuffer(ConvolutionPanel.Stored(Bias.Length));
        unsafe
        {
            for (int i = 0; i < Bias.Length; i++)
            {
                stored.Pointer[i] = (float)Bias[i];
            }
        }

        return stored;
    }
}
