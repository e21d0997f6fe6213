using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution with the normalisation after it folded in: weight * scale / deviation, and shift - mean * scale / deviation.</summary>
/// <param name="Weight">[out, in / groups, kernel, kernel].</param>
/// <param name="Bias">[out].</param>
internal sealed record FoldedConvolution(ConvolutionPlan Plan, double[] Weight, double[] Bias)
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
