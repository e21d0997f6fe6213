
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
    public static ConvolutionPanel[] Of(ConvolutionShape shape, int storedInputs)
    {
        int outputsInGroup = shape.OutputChannels / shape.Groups, inputsInGroup = shape.InputChannels / shape.Groups;
        var panels = new ConvolutionPanel[Count(shape.OutputChannels)];
        long start = 0;
        for (int i = 0; i < panels.Length; i++)
        {
            int firstGroup = i * MatrixKernel.Columns / outputsInGroup;
            int lastGroup = (Math.Min((i + 1) * MatrixKernel.Columns, shape.OutputChannels) - 1) / outputsInGroup;
            int firstInput = shape.Groups == 1 ? 0 : firstGroup * inputsInGroup;
            int inputCount = shape.Groups == 1 ? storedInputs : (lastGroup - firstGroup + 1) * inputsInGroup;
            panels[i] = new ConvolutionPanel(firstInput, inputCount, start);
            start = panels[i].End;
        }

        return panels;
    }

    /// <summary>How many panels, from one on, read the same input channels: what is multiplied at once.</summary>
    public static int CountAlike(ConvolutionPanel[] panels, int first, int end)
    {
        int last = Math.Min(first + MatrixKernel.PanelsAtOnce, end), next = first + 1;
        while (next < last && panels[next].FirstInput == panels[first].FirstInput && panels[next].InputCount == panels[first].InputCount)
        {
            next++;
        }

        return next - first;
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
    public long FilterAt(ConvolutionShape shape, int output, int input)
    {
        int channel = FirstInput + input, inputsInGroup = shape.InputChannels / shape.Groups;
        if (output >= shape.OutputChannels || channel >= shape.InputChannels || channel / inputsInGroup != output / (shape.OutputChannels / shape.Groups))
        {
            return -1;
        }

        return ((long)output * shape.Kernel * shape.Kernel * inputsInGroup) + (channel % inputsInGroup);
    }
}
