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
