namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// The block of ResNet50 and deeper: 1x1 to the inner width, 3x3 in groups, 1x1 to four times the stage's width (He et al. 2015,
/// figure 5 right). The stride is on the 3x3, as in torchvision ("ResNet v1.5"), not on the first 1x1.
/// </summary>
internal static class Bottleneck
{
    /// <summary>Output channels divided by the stage's width.</summary>
    public const int Expansion = 4;

    public static IReadOnlyList<ConvolutionPlan> Branch(
        string name, int inputChannels, int width, int stride, int groups, int widthPerGroup)
    {
        int inner = (int)InnerWidth(width, groups, widthPerGroup);
        return
        [
            new($"{name}.conv1", $"{name}.bn1", inputChannels, inner, Kernel: 1),
            new($"{name}.conv2", $"{name}.bn2", inner, inner, Kernel: 3, stride, groups),
            new($"{name}.conv3", $"{name}.bn3", inner, width * Expansion, Kernel: 1),
        ];
    }

    /// <summary>torchvision's <c>int(planes * (base_width / 64.0)) * groups</c>.</summary>
    public static long InnerWidth(int width, int groups, int widthPerGroup) => (long)(width * (widthPerGroup / 64.0)) * groups;
}
