using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// Sixteen output channels of a convolution and the input channels that they read: all, or those of the groups that they belong to.
/// Where groups are smaller than sixteen channels, what a channel doesn't read has weights of zero.
/// </summary>
/// <param name="FirstInput">The first input channel.</param>
/// <param name="InputCount">The number of input channels.</param>
/// <param name="Start">The weights that panels before it have for one tap of the kernel.</param>
internal readonly record struct ConvolutionPanel(int FirstInput, int InputCount, long Start)
{
    /// <summary>The weights that panels up to this one have for one tap of the kernel.</summary>
    public long End => Start + ((long)InputCount * MatrixKernel.Columns);

    /// <summary>The panels of a convolution.</summary>
    /// <param name="storedInputs">The values of an input pixel, which is the width of a panel that reads them all.</param>
    public static ConvolutionPanel[] Of(ConvolutionPlan plan, int storedInputs)
    {
        int outputsInGroup = plan.OutputChannels / plan.Groups, inputsInGroup = plan.InputChannels / plan.Groups;
        var panels = new ConvolutionPanel[Count(plan.OutputChannels)];
        long start = 0;
        for (int i = 0; i < panels.Length; i++)
        {
            int firstGroup = i * MatrixKernel.Columns / outputsInGroup;
            int lastGroup = (Math.Min((i + 1) * MatrixKernel.Columns, plan.OutputChannels) - 1) / outputsInGroup;
            int firstInput = plan.Groups == 1 ? 0 : firstGroup * inputsInGroup;
            int inputCount = plan.Groups == 1 ? storedInputs : (lastGroup - firstGroup + 1) * inputsInGroup;
            panels[i] = new ConvolutionPanel(firstInput, inputCount, start);
            start = panels[i].End;
        }

        return panels;
    }

    /// <summary>The panels of as many output channels.</summary>
    public static int Count(int outputChannels) => (outputChannels + MatrixKernel.Columns - 1) / MatrixKernel.Columns;

    /// <summary>The values of a pixel of as many channels: whole panels.</summary>
    public static int Stored(int channels) => Count(channels) * MatrixKernel.Columns;

    /// <summary>
    /// Where the convolution's weight has the filter from one input channel of this panel to one output channel: its first value, whose
    /// others follow at a distance of the inputs of a group. -1 where the output channel doesn't read that input channel, or is none.
    /// </summary>
    /// <param name="input">Counted from <see cref="FirstInput"/>.</param>
    public long FilterAt(ConvolutionPlan plan, int output, int input)
    {
        int channel = FirstInput + input, inputsInGroup = plan.InputChannels / plan.Groups;
        if (output >= plan.OutputChannels || channel >= plan.InputChannels || channel / inputsInGroup != output / (plan.OutputChannels / plan.Groups))
        {
            return -1;
        }

        return ((long)output * plan.Kernel * plan.Kernel * inputsInGroup) + (channel % inputsInGroup);
    }
}
