using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// Every stride-th pixel, with channels of zeros before and after the input's own (option A of He et al. 2015). Where an odd number of
/// channels is missing, the extra one comes after.
/// </summary>
internal sealed class ZeroPadShortcut(BlockPlan plan) : IShortcut
{
    private readonly int _stride = plan.Stride;
    private readonly long[] _padding = Padding(MissingChannels(plan));

    public Tensor Forward(Tensor input, bool training)
    {
        using Tensor rows = input.slice(2, 0, long.MaxValue, _stride);
        using Tensor pixels = rows.slice(3, 0, long.MaxValue, _stride);
        return nn.functional.pad(pixels, _padding);
    }

    /// <summary>How many channels of zeros come before and after the input's own.</summary>
    public static (int Before, int After) MissingChannels(BlockPlan plan)
    {
        int missing = plan.OutputChannels - plan.InputChannels;
        return (missing / 2, missing - (missing / 2));
    }

    /// <summary>libtorch's order is last dimension first: width before and after, height, channels.</summary>
    private static long[] Padding((int Before, int After) channels) => [0, 0, 0, 0, channels.Before, channels.After];
}
