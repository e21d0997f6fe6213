namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class ResNetSpecificationTests
{
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18, ResNetBlock.Basic, "2,2,2,2", "64,128,256,512", 1, 64, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNet34, ResNetBlock.Basic, "3,4,6,3", "64,128,256,512", 1, 64, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNet50, ResNetBlock.Bottleneck, "3,4,6,3", "64,128,256,512", 1, 64, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNet101, ResNetBlock.Bottleneck, "3,4,23,3", "64,128,256,512", 1, 64, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNet152, ResNetBlock.Bottleneck, "3,8,36,3", "64,128,256,512", 1, 64, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, ResNetBlock.Bottleneck, "3,4,6,3", "64,128,256,512", 32, 4, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d, ResNetBlock.Bottleneck, "3,4,23,3", "64,128,256,512", 32, 8, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.WideResNet50_2, ResNetBlock.Bottleneck, "3,4,6,3", "64,128,256,512", 1, 128, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.WideResNet101_2, ResNetBlock.Bottleneck, "3,4,23,3", "64,128,256,512", 1, 128, ResNetStem.Auto, ResNetShortcut.Projection)]
    [DataRow(ResNetArchitecture.ResNet20, ResNetBlock.Basic, "3,3,3", "16,32,64", 1, 64, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetArchitecture.ResNet32, ResNetBlock.Basic, "5,5,5", "16,32,64", 1, 64, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetArchitecture.ResNet44, ResNetBlock.Basic, "7,7,7", "16,32,64", 1, 64, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetArchitecture.ResNet56, ResNetBlock.Basic, "9,9,9", "16,32,64", 1, 64, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetArchitecture.ResNet110, ResNetBlock.Basic, "18,18,18", "16,32,64", 1, 64, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    public void FromArchitecture_EveryName_IsThePublishedNetwork(
        ResNetArchitecture architecture, ResNetBlock block, string depths, string widths, int groups, int widthPerGroup, ResNetStem stem, ResNetShortcut shortcut)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture);

        specification.Validate();
        Assert.AreEqual(block, specification.Block);
        Assert.AreEqual(depths, string.Join(",", specification.Depths));
        Assert.AreEqual(widths, string.Join(",", specification.Widths));
        Assert.AreEqual(groups, specification.Groups);
        Assert.AreEqual(widthPerGroup, specification.WidthPerGroup);
        Assert.AreEqual(stem, specification.Stem);
        Assert.AreEqual(shortcut, specification.Shortcut);
    }

    [TestMethod]
    public void FromArchitecture_UnknownValue_Throws()
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ResNetSpecification.FromArchitecture((ResNetArchitecture)99));

        StringAssert.StartsWith(exception.Message, "Not an architecture of this library.");
    }

    [TestMethod]
    public void CountParameters_KnownNetworks_IsThePublishedNumber()
    {
        // torchvision's documentation of resnet18, and He et al. 2015, table 6: 0.27 million.
        Assert.AreEqual(11_689_512, ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet18).ResolveStem(224, 224).CountParameters(1000));
        Assert.AreEqual(269_722, ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20).CountParameters(10));
    }

    [TestMethod]
    public void Equals_SameListsInOtherObjects_AreEqual()
    {
        var one = new ResNetSpecification { Depths = [1, 2], Widths = [64, 128] };
        var same = new ResNetSpecification { Depths = new List<int> { 1, 2 }, BaseWidth = 64 };

        Assert.AreEqual(one, same);
        Assert.AreEqual(one.GetHashCode(), same.GetHashCode());
        Assert.AreNotEqual(one, one with { Depths = [2, 1] });
        Assert.AreNotEqual(one, one with { Widths = [64, 129] });
        Assert.AreNotEqual(one, one with { Shortcut = ResNetShortcut.ZeroPad });
    }

    [TestMethod]
    public void Depths_ListChangedAfterwards_KeepsItsValues()
    {
        int[] depths = [1, 1];
        var specification = new ResNetSpecification { Depths = depths };

        depths[0] = 5;

        Assert.AreEqual(1, specification.Depths[0]);
    }

    [TestMethod]
    public void Widths_NotGiven_DoubleFromBaseWidthOverEveryStage()
    {
        var specification = new ResNetSpecification { Depths = [1, 1, 1, 1, 1], BaseWidth = 8 };

        CollectionAssert.AreEqual(new[] { 8, 16, 32, 64, 128 }, specification.Widths.ToArray());
    }

    [TestMethod]
    public void Validate_ManyFaults_ListsThemAll()
    {
        var specification = new ResNetSpecification
        {
            Depths = [2, 0],
            Widths = [64, -1, 5],
            Groups = 2,
            Stem = (ResNetStem)7,
        };

        var exception = Assert.ThrowsExactly<ArgumentException>(specification.Validate);

        Assert.AreEqual(
            "The residual network can't be built: Stem is 7, expected a member of ResNetStem. "
            + "Depths is 2, 0, expected 1 to 4096 blocks in every stage. "
            + "Widths has 3 stages and Depths 2, expected the same number. "
            + "Widths is 64, -1, 5, expected 1 to 65536 channels in every stage. "
            + "Groups is 2 and WidthPerGroup 64, expected 1 and 64 for basic blocks; only bottleneck blocks have groups.",
            exception.Message);
    }

    [TestMethod]
    public void Validate_TooManyBlocksInAllStages_SaysSo()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(new ResNetSpecification { Depths = [4096, 1] }.Validate);

        Assert.AreEqual("The residual network can't be built: Depths is 4096, 1, expected at most 4096 blocks in all stages.", exception.Message);
    }

    [TestMethod]
    public void Validate_NoStages_SaysSo()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(new ResNetSpecification { Depths = [] }.Validate);

        Assert.AreEqual("The residual network can't be built: Depths has 0 stages, expected 1 to 32.", exception.Message);
    }

    [TestMethod]
    public void Validate_DoubledWidthsPastTheLimit_SaysSo()
    {
        var specification = new ResNetSpecification { Depths = [.. Enumerable.Repeat(1, 32)], BaseWidth = int.MaxValue };

        var exception = Assert.ThrowsExactly<ArgumentException>(specification.Validate);

        StringAssert.Contains(exception.Message, "expected 1 to 65536 channels in every stage.");
    }

    [TestMethod]
    public void Validate_ZeroPadThatNarrows_SaysSo()
    {
        var specification = new ResNetSpecification { Depths = [1, 1], Widths = [64, 32], Shortcut = ResNetShortcut.ZeroPad };

        var exception = Assert.ThrowsExactly<ArgumentException>(specification.Validate);

        StringAssert.Contains(exception.Message, "Widths is 64, 32, and a zero-pad shortcut can't narrow; widen the stages or take projections.");
    }

    [TestMethod]
    public void Validate_BottleneckWithoutInnerChannels_SaysSo()
    {
        var specification = new ResNetSpecification { Block = ResNetBlock.Bottleneck, Depths = [1], Widths = [8], WidthPerGroup = 4 };

        var exception = Assert.ThrowsExactly<ArgumentException>(specification.Validate);

        StringAssert.Contains(exception.Message, "Widths 8 with Groups 1 and WidthPerGroup 4 give bottlenecks outside 1 to 65536 channels inside.");
    }

    [TestMethod]
    [DataRow(64, 64, ResNetStem.Cifar)]
    [DataRow(64, 500, ResNetStem.Cifar)]
    [DataRow(500, 64, ResNetStem.Cifar)]
    [DataRow(65, 65, ResNetStem.ImageNet)]
    [DataRow(224, 224, ResNetStem.ImageNet)]
    public void ResolveStem_Auto_GoesByTheShorterSide(int height, int width, ResNetStem expected)
        => Assert.AreEqual(expected, new ResNetSpecification().ResolveStem(height, width).Stem);

    [TestMethod]
    public void ResolveStem_Settled_IsLeftAlone()
    {
        var specification = new ResNetSpecification { Stem = ResNetStem.ImageNet };

        Assert.AreSame(specification, specification.ResolveStem(32, 32));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => specification.ResolveStem(0, 32));
    }

    [TestMethod]
    public void ToString_SpellsOutTheLists()
        => Assert.AreEqual(
            "ResNetSpecification { Block = Basic, Depths = [3, 3, 3], Widths = [16, 32, 64], Groups = 1, WidthPerGroup = 64, Stem = Cifar, Shortcut = ZeroPad }",
            ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20).ToString());
}
