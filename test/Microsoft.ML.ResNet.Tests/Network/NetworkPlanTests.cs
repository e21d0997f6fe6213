using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class NetworkPlanTests
{
    [TestMethod]
    [DataRow(ResNetStem.ImageNet, 224, 7)]
    [DataRow(ResNetStem.ImageNet, 225, 8)]
    [DataRow(ResNetStem.ImageNet, 33, 2)]
    [DataRow(ResNetStem.ImageNet, 32, 1)]
    [DataRow(ResNetStem.ImageNet, 1, 1)]
    [DataRow(ResNetStem.Cifar, 32, 4)]
    [DataRow(ResNetStem.Cifar, 9, 2)]
    [DataRow(ResNetStem.Cifar, 8, 1)]
    public void LastSide_FourStages_HalvesRoundingUp(ResNetStem stem, int side, int expected)
        => Assert.AreEqual(expected, NetworkPlan.Of(new ResNetSpecification { Stem = stem }, 3, 10).LastSide(side));

    /// <summary>torchvision's documentation gives the billions to two places.</summary>
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18, 1.81)]
    [DataRow(ResNetArchitecture.ResNet34, 3.66)]
    [DataRow(ResNetArchitecture.ResNet50, 4.09)]
    [DataRow(ResNetArchitecture.ResNet101, 7.80)]
    [DataRow(ResNetArchitecture.ResNet152, 11.51)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, 4.23)]
    [DataRow(ResNetArchitecture.WideResNet50_2, 11.40)]
    public void MultiplyAdds_At224Pixels_AreTorchvisions(ResNetArchitecture architecture, double billions)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture) with { Stem = ResNetStem.ImageNet };

        Assert.AreEqual(billions, NetworkPlan.Of(specification, 3, 1000).MultiplyAdds(224, 224) / 1e9, 0.005 + 1e-9);
    }

    /// <summary>One 3x3 convolution of 16 channels before and after, at 3 by 5 pixels, then one of stride 2 to 2 by 3 pixels, and the head.</summary>
    [TestMethod]
    public void MultiplyAdds_OddSidesAndStrides_AreCountedAtTheOutput()
    {
        var specification = new ResNetSpecification { Block = ResNetBlock.Basic, Depths = [1, 1], Widths = [16, 32], Stem = ResNetStem.Cifar, Shortcut = ResNetShortcut.Projection };
        long stem = 15 * 3 * 16 * 9, first = 2 * 15 * 16 * 16 * 9, second = (6 * 16 * 32 * 9) + (6 * 32 * 32 * 9) + (6 * 16 * 32);

        Assert.AreEqual(stem + first + second + (32 * 7), NetworkPlan.Of(specification, 3, 7).MultiplyAdds(3, 5));
    }

    [TestMethod]
    public void Of_Bottlenecks_HaveTheStrideOnThe3x3()
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet50) with { Stem = ResNetStem.ImageNet };

        BlockPlan block = NetworkPlan.Of(specification, 3, 10).Blocks[3];

        CollectionAssert.AreEqual(new[] { 1, 2, 1 }, block.Branch.Select(convolution => convolution.Stride).ToArray());
        Assert.AreEqual(2, block.Projection!.Stride);
    }

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, 128, 256, 512, 1024)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d, 256, 512, 1024, 2048)]
    [DataRow(ResNetArchitecture.WideResNet50_2, 128, 256, 512, 1024)]
    public void Of_GroupedAndWideNetworks_HaveTorchvisionsInnerWidths(ResNetArchitecture architecture, int first, int second, int third, int fourth)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture) with { Stem = ResNetStem.ImageNet };

        IEnumerable<int> widths = NetworkPlan.Of(specification, 3, 10).Blocks.Select(block => block.Branch[0].OutputChannels).Distinct();

        CollectionAssert.AreEqual(new[] { first, second, third, fourth }, widths.ToArray());
    }
}
