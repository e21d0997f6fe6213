
namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution and what the normalisation after it makes of its result: result * factor + bias.</summary>
/// <param name="Weight">[out, kernel, kernel, in / groups], without the factor.</param>
/// <param name="Factor">[out]: scale / deviation.</param>
/// <param name="Bias">[out]: shift - mean * scale / deviation.</param>
internal sealed record FoldedConvolution(ConvolutionShape Shape, float[] Weight, double[] Factor, double[] Bias)
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
