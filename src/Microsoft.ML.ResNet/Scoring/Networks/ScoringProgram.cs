using System.Text;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// The whole network as one TorchScript method, so that libtorch runs it in one call: a call for each convolution would cost small batches
/// more than some convolutions do. Activations are in channels-last; a block's sum is computed in place, and its input is gone then.
/// </summary>
internal sealed class ScoringProgram
{
    /// <summary>The method's name. It takes normalised images and the weights: packed weight and bias of each of <see cref="Convolutions"/>.</summary>
    public const string Features = "features";

    private readonly StringBuilder _text = new();
    private readonly List<(ConvolutionPlan Plan, long Height, long Width)> _convolutions = [];

    private ScoringProgram()
    {
    }

    /// <summary>The convolutions in the order of their weights, with the size of their input.</summary>
    public IReadOnlyList<(ConvolutionPlan Plan, long Height, long Width)> Convolutions => _convolutions;

    /// <summary>The method from images to pooled features in float32.</summary>
    public string Text => _text.ToString();

    /// <param name="height">The height of the images; the text is the same for all.</param>
    public static ScoringProgram Of(NetworkPlan network, long height, long width)
    {
        var program = new ScoringProgram();
        program.Line($"  def {Features}(self: __torch__.M, images: Tensor, w: List[Tensor]) -> Tensor:");
        program.Line($"    x = {program.Convolve(network.Stem, "images", ref height, ref width, relu: true)}");
        if (network.HasMaxPool)
        {
            program.Line("    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)");
            (height, width) = (Halved(height), Halved(width));
        }

        foreach (BlockPlan block in network.Blocks)
        {
            program.Block(block, ref height, ref width);
        }

        program.Line("    return torch.mean(x, [2, 3], False, dtype=6)");
        return program;
    }

    /// <summary>x = relu(branch(x) + shortcut(x)).</summary>
    private void Block(BlockPlan block, ref long height, ref long width)
    {
        string input = "x";
        long shortcutHeight = height, shortcutWidth = width;
        foreach (ConvolutionPlan convolution in block.Branch.Take(block.Branch.Count - 1))
        {
            Line($"    h = {Convolve(convolution, input, ref height, ref width, relu: true)}");
            input = "h";
        }

        if (block.Projection is { } projection)
        {
            Line($"    x = {Convolve(projection, "x", ref shortcutHeight, ref shortcutWidth, relu: false)}");
        }
        else if (!block.KeepsShape)
        {
            var (before, after) = ZeroPadShortcut.MissingChannels(block);
            Line($"    x = torch.slice(torch.slice(x, 2, 0, 9223372036854775807, {block.Stride}), 3, 0, 9223372036854775807, {block.Stride})");
            Line($"    x = torch.contiguous(torch.constant_pad_nd(x, [0, 0, 0, 0, {before}, {after}], 0), memory_format=2)");
        }

        ConvolutionPlan last = block.Branch[^1];
        var (weight, bias) = Take(last, ref height, ref width);
        Line($"    x = {FusedConvolutions.AddRelu(last, "x", input, weight, bias)}");
    }

    private string Convolve(ConvolutionPlan plan, string input, ref long height, ref long width, bool relu)
    {
        var (weight, bias) = Take(plan, ref height, ref width);
        return FusedConvolutions.Convolve(plan, input, weight, bias, relu);
    }

    /// <summary>Takes the next weight and bias, and turns the size of the convolution's input into that of its output.</summary>
    private (string Weight, string Bias) Take(ConvolutionPlan plan, ref long height, ref long width)
    {
        int index = 2 * _convolutions.Count;
        _convolutions.Add((plan, height, width));
        if (plan.Stride == 2)
        {
            (height, width) = (Halved(height), Halved(width));
        }

        return ($"w[{index}]", $"w[{index + 1}]");
    }

    /// <summary>Every stride of 2 halves and rounds up: the padding is half the kernel.</summary>
    private static long Halved(long side) => (side + 1) / 2;

    private void Line(string line) => _text.Append(line).Append('\n');
}
