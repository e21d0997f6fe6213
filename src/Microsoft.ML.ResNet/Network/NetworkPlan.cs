namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// Every convolution and block of a network, named and sized, from its specification alone. The network is built from it and the
/// layout of its state is read off it, so that the two can't differ; it takes no tensor memory.
/// </summary>
internal sealed class NetworkPlan
{
    private NetworkPlan(ConvolutionPlan stem, bool hasMaxPool, IReadOnlyList<BlockPlan> blocks, int classCount)
    {
        Stem = stem;
        HasMaxPool = hasMaxPool;
        Blocks = blocks;
        ClassCount = classCount;
    }

    public ConvolutionPlan Stem { get; }

    /// <summary>Whether the stem ends with a 3x3 max-pool of stride 2.</summary>
    public bool HasMaxPool { get; }

    /// <summary>The blocks of all stages in order.</summary>
    public IReadOnlyList<BlockPlan> Blocks { get; }

    public int ClassCount { get; }

    /// <summary>The number of pooled features that the head reads.</summary>
    public int FeatureCount => Blocks[^1].OutputChannels;

    /// <summary>All convolutions in the order of torchvision's state.</summary>
    public IEnumerable<ConvolutionPlan> Convolutions => Blocks.SelectMany(block => block.Convolutions).Prepend(Stem);

    /// <exception cref="ArgumentException">The specification is faulty, or its stem is not settled.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1.</exception>
    public static NetworkPlan Of(ResNetSpecification specification, int inputChannels, int classCount)
    {
        ArgumentNullException.ThrowIfNull(specification);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputChannels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        specification.Validate();
        bool isImageNet = specification.Stem switch
        {
            ResNetStem.ImageNet => true,
            ResNetStem.Cifar => false,
            _ => throw new ArgumentException("The stem is Auto. Settle it by the size of the images first: specification.ResolveStem(height, width).", nameof(specification)),
        };

        int stemWidth = specification.Widths[0];
        ConvolutionPlan stem = isImageNet
            ? new("conv1", "bn1", inputChannels, stemWidth, Kernel: 7, Stride: 2)
            : new("conv1", "bn1", inputChannels, stemWidth, Kernel: 3);
        return new NetworkPlan(stem, hasMaxPool: isImageNet, Stages(specification), classCount);
    }

    /// <summary>The network's first blocks.</summary>
    public NetworkPlan UpTo(int blockCount) => new(Stem, HasMaxPool, [.. Blocks.Take(blockCount)], ClassCount);

    /// <summary>
    /// The side that the last stage leaves of an image's. Every stride of 2, whatever the kernel, halves and rounds up: the padding is
    /// half the kernel.
    /// </summary>
    public long LastSide(long side)
    {
        int halvings = (Stem.Stride == 2 ? 1 : 0) + (HasMaxPool ? 1 : 0) + Blocks.Count(block => block.Stride == 2);
        for (int i = 0; i < halvings && side > 1; i++)
        {
            side = (side + 1) / 2;
        }

        return side;
    }

    /// <summary>The multiplications, each with its addition, of the convolutions and the head for one image: torchvision's "GFLOPS".</summary>
    public long MultiplyAdds(long height, long width)
    {
        (long outputHeight, long outputWidth) = Halved(height, width, Stem.Stride);
        long sum = Stem.MultiplyAdds(outputHeight, outputWidth);
        (height, width) = Halved(outputHeight, outputWidth, HasMaxPool ? 2 : 1);
        foreach (BlockPlan block in Blocks)
        {
            // Only one convolution of a block has its stride: those before it work on the block's input.
            (long inputHeight, long inputWidth) = (height, width);
            (height, width) = Halved(height, width, block.Stride);
            bool isBefore = true;
            foreach (ConvolutionPlan convolution in block.Branch)
            {
                isBefore &= convolution.Stride == 1;
                sum += isBefore ? convolution.MultiplyAdds(inputHeight, inputWidth) : convolution.MultiplyAdds(height, width);
            }

            sum += block.Projection?.MultiplyAdds(height, width) ?? 0;
        }

        return sum + ((long)FeatureCount * ClassCount);
    }

    private static (long Height, long Width) Halved(long height, long width, int stride)
        => stride == 2 ? ((height + 1) / 2, (width + 1) / 2) : (height, width);

    private static List<BlockPlan> Stages(ResNetSpecification specification)
    {
        List<BlockPlan> blocks = [];
        int channels = specification.Widths[0];
        for (int stage = 0; stage < specification.Depths.Count; stage++)
        {
            for (int i = 0; i < specification.Depths[stage]; i++)
            {
                int stride = stage > 0 && i == 0 ? 2 : 1;
                BlockPlan block = Block(specification, $"layer{stage + 1}.{i}", channels, specification.Widths[stage], stride);
                blocks.Add(block);
                channels = block.OutputChannels;
            }
        }

        return blocks;
    }

    private static BlockPlan Block(ResNetSpecification specification, string name, int inputChannels, int width, int stride)
    {
        IReadOnlyList<ConvolutionPlan> branch = specification.Block == ResNetBlock.Basic
            ? BasicBlock.Branch(name, inputChannels, width, stride)
            : Bottleneck.Branch(name, inputChannels, width, stride, specification.Groups, specification.WidthPerGroup);
        var block = new BlockPlan(branch, stride, Projection: null);
        return specification.Shortcut == ResNetShortcut.ZeroPad || block.KeepsShape
            ? block
            : block with
            {
                Projection = new($"{name}.downsample.0", $"{name}.downsample.1", inputChannels, block.OutputChannels, Kernel: 1, stride),
            };
    }
}
