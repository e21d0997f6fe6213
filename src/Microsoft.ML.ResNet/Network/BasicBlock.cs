namespace Microsoft.ML.ResNet.Network;

/// <summary>The block of ResNet18 and ResNet34: two 3x3 convolutions, the first with the stride (He et al. 2015, figure 5 left).</summary>
internal static class BasicBlock
{
    /// <summary>Output channels divided by the stage's width.</summary>
    public const int Expansion = 1;

    public static IReadOnlyList<ConvolutionPlan> Branch(string name, int inputChannels, int width, int stride) =>
    [
        new($"{name}.conv1", $"{name}.bn1", inputChannels, width, Kernel: 3, stride),
        new($"{name}.conv2", $"{name}.bn2", width, width, Kernel: 3),
    ];
}
