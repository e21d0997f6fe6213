using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.ResNet.Network;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class StateDictLayoutTests
{
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet34)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNet101)]
    [DataRow(ResNetArchitecture.ResNet152)]
    [DataRow(ResNetArchitecture.WideResNet50_2)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    public void Of_TorchvisionsNetworks_HasTheirNamesShapesAndTypesInOrder(ResNetArchitecture architecture)
    {
        GoldenNetwork golden = GoldenNetworks.Of(architecture);

        IReadOnlyList<StateEntryLayout> layout = StateDictLayout.Of(WithImageNetStem(architecture), inputChannels: 3, classCount: 1000);

        Assert.AreEqual(golden.EntryCount, layout.Count);
        Assert.AreEqual(golden.LayoutHash, Hash(layout));
        Assert.AreEqual(golden.ParameterCount, StateDictLayout.ParameterCount(WithImageNetStem(architecture), 3, 1000));
    }

    // torchvision's documentation for the first nine. CIFAR family: 3*16*9 in the stem, then 2n*16*16*9 + 16*32*9 + (2n-1)*32*32*9
    // + 32*64*9 + (2n-1)*64*64*9 in the stages, 2*(16+2n*(16+32+64)) in the norms, 64*10+10 in the head.
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18, 1000, 11_689_512, 122)]
    [DataRow(ResNetArchitecture.ResNet34, 1000, 21_797_672, 218)]
    [DataRow(ResNetArchitecture.ResNet50, 1000, 25_557_032, 320)]
    [DataRow(ResNetArchitecture.ResNet101, 1000, 44_549_160, 626)]
    [DataRow(ResNetArchitecture.ResNet152, 1000, 60_192_808, 932)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, 1000, 25_028_904, 320)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d, 1000, 88_791_336, 626)]
    [DataRow(ResNetArchitecture.WideResNet50_2, 1000, 68_883_240, 320)]
    [DataRow(ResNetArchitecture.WideResNet101_2, 1000, 126_886_696, 626)]
    [DataRow(ResNetArchitecture.ResNet18, 10, 11_181_642, 122)]
    [DataRow(ResNetArchitecture.ResNet20, 10, 269_722, 116)]
    [DataRow(ResNetArchitecture.ResNet32, 10, 464_154, 188)]
    [DataRow(ResNetArchitecture.ResNet44, 10, 658_586, 260)]
    [DataRow(ResNetArchitecture.ResNet56, 10, 853_018, 332)]
    [DataRow(ResNetArchitecture.ResNet110, 10, 1_727_962, 656)]
    public void ParameterCount_EveryArchitecture_IsThePublishedNumber(ResNetArchitecture architecture, int classCount, long parameters, int entries)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture).ResolveStem(224, 224);

        Assert.AreEqual(parameters, StateDictLayout.ParameterCount(specification, 3, classCount));
        Assert.AreEqual(entries, StateDictLayout.Of(specification, 3, classCount).Count);
    }

    [TestMethod]
    public void Of_ResNet50_SpelledOutAtItsCorners()
    {
        IReadOnlyList<StateEntryLayout> layout = StateDictLayout.Of(WithImageNetStem(ResNetArchitecture.ResNet50), inputChannels: 3, classCount: 7);

        Assert.AreEqual("conv1.weight:64,3,7,7:float32", Line(layout[0]));
        Assert.AreEqual("bn1.num_batches_tracked::int64", Line(layout[5]));
        Assert.AreEqual("layer1.0.conv1.weight:64,64,1,1:float32", Line(layout[6]));
        Assert.IsTrue(layout.Any(entry => Line(entry) == "layer1.0.downsample.0.weight:256,64,1,1:float32"));
        Assert.IsTrue(layout.Any(entry => Line(entry) == "layer2.0.conv2.weight:128,128,3,3:float32"));
        Assert.IsTrue(layout.Any(entry => Line(entry) == "layer4.2.bn3.running_var:2048:float32"));
        Assert.AreEqual("fc.weight:7,2048:float32", Line(layout[^2]));
        Assert.AreEqual("fc.bias:7:float32", Line(layout[^1]));
    }

    [TestMethod]
    public void Of_CifarNetworkWithZeroPad_HasThreeStagesAndNoDownsampling()
    {
        IReadOnlyList<StateEntryLayout> layout = StateDictLayout.Of(
            ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20), inputChannels: 1, classCount: 10);

        Assert.AreEqual("conv1.weight:16,1,3,3:float32", Line(layout[0]));
        Assert.IsTrue(layout.Any(entry => Line(entry) == "layer3.2.conv2.weight:64,64,3,3:float32"));
        Assert.IsFalse(layout.Any(entry => entry.Name.Contains("downsample", StringComparison.Ordinal) || entry.Name.StartsWith("layer4", StringComparison.Ordinal)));
        Assert.AreEqual("fc.weight:10,64:float32", Line(layout[^2]));
    }

    [TestMethod]
    public void Of_LargestSpecification_CountsWithoutOverflow()
    {
        var specification = new ResNetSpecification { Depths = [1], Widths = [65536], Stem = ResNetStem.ImageNet };

        // 65536*3*49 + 2*65536*65536*9 + 3*2*65536 + 10*65536 + 10
        Assert.AreEqual(77_320_093_706, StateDictLayout.ParameterCount(specification, 3, 10));
    }

    [TestMethod]
    public void Of_StemNotSettled_SaysWhatToDo()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => StateDictLayout.Of(new ResNetSpecification(), 3, 10));

        StringAssert.StartsWith(exception.Message, "The stem is Auto. Settle it by the size of the images first: specification.ResolveStem(height, width).");
    }

    [TestMethod]
    public void Of_NoClassesOrChannels_Throws()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => StateDictLayout.Of(new ResNetSpecification(), 3, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => StateDictLayout.Of(new ResNetSpecification(), 0, 10));
    }

    private static ResNetSpecification WithImageNetStem(ResNetArchitecture architecture)
        => ResNetSpecification.FromArchitecture(architecture) with { Stem = ResNetStem.ImageNet };

    private static string Hash(IReadOnlyList<StateEntryLayout> layout)
    {
        string lines = string.Concat(layout.Select(entry => Line(entry) + "\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(lines)));
    }

    private static string Line(StateEntryLayout entry)
    {
        string shape = string.Join(",", entry.Shape.Select(side => side.ToString(CultureInfo.InvariantCulture)));
        return $"{entry.Name}:{shape}:{(entry.Type == torch.ScalarType.Int64 ? "int64" : "float32")}";
    }
}
