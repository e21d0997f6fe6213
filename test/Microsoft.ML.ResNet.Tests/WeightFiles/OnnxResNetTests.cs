using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles.OnnxImport;
using Microsoft.ML.ResNet.Weights;

namespace Microsoft.ML.ResNet.Tests.WeightFiles;

[TestClass]
public sealed class OnnxResNetTests
{
    private static readonly ResNetSpecification Basic = new() { Depths = [2, 1], Widths = [4, 8], Stem = ResNetStem.ImageNet };
    private static readonly ResNetSpecification Bottlenecks = new() { Block = ResNetBlock.Bottleneck, Depths = [1, 2], Widths = [8, 16], Groups = 2, WidthPerGroup = 16, Stem = ResNetStem.ImageNet };

    [TestMethod]
    public void FromFile_OnnxWithNamelessConstants_GivesTorchvisionsNames()
    {
        foreach (ResNetSpecification specification in new[] { Basic, Bottlenecks })
        {
            using ResidualNetwork network = Filled(specification);
            using var folder = new TemporaryFolder();
            File.WriteAllBytes(folder.File("network.onnx"), OnnxFile.Write(network));

            ResNetWeights weights = ResNetWeights.FromFile(folder.File("network.onnx"));

            Assert.AreEqual(specification, weights.Specification);
            using var copy = new ResidualNetwork(specification, 3, 5, seed: 2);
            WeightTransfer.CopyTo(weights, copy, includeHead: true);
            foreach (var (expected, actual) in network.StateEntries.Zip(copy.StateEntries))
            {
                TensorAssert.AreBitEqual(expected.Tensor, actual.Tensor, expected.Name);
            }
        }
    }

    [TestMethod]
    public void Read_OtherPadding_IsRefused()
    {
        using ResidualNetwork network = Filled(Basic);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => OnnxResNet.Read(OnnxFile.Write(network, stemPadding: 2)));

        Assert.AreEqual("'conv1' has the padding 2, 2, 2, 2, expected 3 on each side.", exception.Message);
    }

    [TestMethod]
    public void Read_NoResidualNetwork_SaysWhereItDiffers()
    {
        var graph = new ProtobufWriter().Message(11, new ProtobufWriter().Text(1, "x")).Message(1, new ProtobufWriter().Text(1, "x").Text(2, "y").Text(4, "Gemm"));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => OnnxResNet.Read(new ProtobufWriter().Message(7, graph).ToArray()));

        Assert.AreEqual("the graph is no residual network of this library's kind: after 'x' comes Gemm, expected the first convolution.", exception.Message);
    }

    [TestMethod]
    public void Read_MetadataWithoutEnd_IsRefused()
    {
        var model = new ProtobufWriter();
        for (int i = 0; i < 2000; i++)
        {
            model.Message(14, new ProtobufWriter().Text(1, $"{i}"));
        }

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => OnnxResNet.Read(model.ToArray()));

        Assert.AreEqual("it has more than 1000 entries of metadata.", exception.Message);
    }

    [TestMethod]
    public void Read_CutAndMutatedFiles_GiveValuesOrInvalidData()
    {
        using ResidualNetwork network = Filled(Basic);
        byte[] whole = OnnxFile.Write(network);
        var random = new Random(1);
        for (int round = 0; round < 2000; round++)
        {
            byte[] mutated = round % 4 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (int change = round % 4 * 2; change > 0; change--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            try
            {
                OnnxResNet.Read(mutated);
            }
            catch (Exception exception) when (exception is InvalidDataException or OverflowException)
            {
                continue; // The two that the reader of files turns into an error with the path.
            }
        }
    }

    private static ResidualNetwork Filled(ResNetSpecification specification)
    {
        var network = new ResidualNetwork(specification, 3, 5, seed: 1);
        GoldenFill.Fill(network);
        return network;
    }
}
