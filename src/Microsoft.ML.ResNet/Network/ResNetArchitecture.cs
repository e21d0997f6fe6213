namespace Microsoft.ML.ResNet;

/// <summary>
/// The residual networks that have a name of their own. <see cref="ResNetSpecification.FromArchitecture"/> spells each of them out;
/// any other depth, width or stem is a <see cref="ResNetSpecification"/>.
/// </summary>
public enum ResNetArchitecture
{
    /// <summary>Basic blocks, depths 2-2-2-2: 11.7 million parameters at 1000 classes (He et al. 2015, table 1).</summary>
    ResNet18,

    /// <summary>Basic blocks, depths 3-4-6-3: 21.8 million parameters at 1000 classes (He et al. 2015, table 1).</summary>
    ResNet34,

    /// <summary>Bottleneck blocks, depths 3-4-6-3: 25.6 million parameters at 1000 classes (He et al. 2015, table 1; stride on the 3x3).</summary>
    ResNet50,

    /// <summary>Bottleneck blocks, depths 3-4-23-3: 44.5 million parameters at 1000 classes (He et al. 2015, table 1; stride on the 3x3).</summary>
    ResNet101,

    /// <summary>Bottleneck blocks, depths 3-8-36-3: 60.2 million parameters at 1000 classes (He et al. 2015, table 1; stride on the 3x3).</summary>
    ResNet152,

    /// <summary>ResNet50 with 32 groups of width 4: 25.0 million parameters at 1000 classes (Xie et al. 2017).</summary>
    ResNeXt50_32x4d,

    /// <summary>ResNet101 with 32 groups of width 8: 88.8 million parameters at 1000 classes (Xie et al. 2017).</summary>
    ResNeXt101_32x8d,

    /// <summary>ResNet50 with bottlenecks twice as wide inside: 68.9 million parameters at 1000 classes (Zagoruyko and Komodakis 2016).</summary>
    WideResNet50_2,

    /// <summary>ResNet101 with bottlenecks twice as wide inside: 126.9 million parameters at 1000 classes (Zagoruyko and Komodakis 2016).</summary>
    WideResNet101_2,

    /// <summary>The CIFAR network with 3 blocks in each of 3 stages: 0.27 million parameters at 10 classes (He et al. 2015, section 4.2).</summary>
    ResNet20,

    /// <summary>The CIFAR network with 5 blocks in each of 3 stages: 0.46 million parameters at 10 classes (He et al. 2015, section 4.2).</summary>
    ResNet32,

    /// <summary>The CIFAR network with 7 blocks in each of 3 stages: 0.66 million parameters at 10 classes (He et al. 2015, section 4.2).</summary>
    ResNet44,

    /// <summary>The CIFAR network with 9 blocks in each of 3 stages: 0.85 million parameters at 10 classes (He et al. 2015, section 4.2).</summary>
    ResNet56,

    /// <summary>The CIFAR network with 18 blocks in each of 3 stages: 1.7 million parameters at 10 classes (He et al. 2015, section 4.2).</summary>
    ResNet110,
}
