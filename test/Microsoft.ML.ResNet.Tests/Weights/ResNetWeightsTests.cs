using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Weights;

[TestClass]
public sealed class ResNetWeightsTests
{
    private static readonly ResNetSpecification[] Specifications =
    [
        PixelRows.TinyNetwork,
        new() { Depths = [2, 1, 1], Widths = [4, 6, 8], Stem = ResNetStem.ImageNet },
        new() { Depths = [1, 2], Widths = [4, 8], Stem = ResNetStem.Cifar, Shortcut = ResNetShortcut.ZeroPad },
        new() { Block = ResNetBlock.Bottleneck, Depths = [1, 1], Widths = [16, 32], Groups = 4, WidthPerGroup = 8, Stem = ResNetStem.ImageNet },
        new() { Block = ResNetBlock.Bottleneck, Depths = [2], Widths = [16], WidthPerGroup = 128, Stem = ResNetStem.Cifar },
    ];

    [TestMethod]
    public void FromFile_SafetensorsOfAnyNetwork_InfersItsSpecificationAndValues()
    {
        using var folder = new TemporaryFolder();
        foreach (ResNetSpecification specification in Specifications)
        {
            using ResidualNetwork network = Filled(specification, channels: 3, classes: 5);
            string path = folder.File("weights.bin");
            Save(network, path);

            ResNetWeights weights = ResNetWeights.FromFile(path);

            Assert.AreEqual(specification, weights.Specification);
            Assert.AreEqual((3, 5), (weights.InputChannels, weights.ClassCount));
            Assert.AreEqual(0, weights.NonFiniteCount);
            CollectionAssert.AreEqual(network.StateEntries.Select(entry => entry.Name).ToArray(), weights.Entries.Select(entry => entry.Name).ToArray());
            using ResidualNetwork copy = new(specification, 3, 5, seed: 9);
            WeightTransfer.CopyTo(weights, copy, includeHead: true);
            AssertEqual(network, copy);
        }
    }

    [TestMethod]
    public void FromFile_ModelZipAndFromTransformer_KnowClassesAndPreprocessing()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(24));
        ITransformer model = PixelRows.Fit(context, data, PixelRows.Options(epochs: 1));
        using var owner = (IDisposable)model;
        ResNetTransformer transformer = PixelRows.ResNetOf(model);
        using var folder = new TemporaryFolder();
        context.Model.Save(model, data.Schema, folder.File("model.zip"));
        transformer.SaveWeights(folder.File("weights.safetensors"));

        ResNetWeights fromZip = ResNetWeights.FromFile(folder.File("model.zip"));
        ResNetWeights fromTransformer = ResNetWeights.FromTransformer(transformer);
        ResNetWeights fromSafetensors = ResNetWeights.FromFile(folder.File("weights.safetensors"));

        foreach (ResNetWeights weights in new[] { fromZip, fromTransformer, fromSafetensors })
        {
            Assert.AreEqual(transformer.Specification, weights.Specification);
            CollectionAssert.AreEqual(transformer.ClassNames.ToArray(), weights.ClassNames!.ToArray());
            Assert.AreEqual(transformer.Preprocessing, weights.Preprocessing);
        }

        foreach (ResNetWeights other in new[] { fromZip, fromTransformer })
        {
            for (int i = 0; i < other.Tensors.Count; i++)
            {
                CollectionAssert.AreEqual(fromSafetensors.Tensors.Single(tensor => tensor.Name == other.Tensors[i].Name).Data, other.Tensors[i].Data);
            }
        }
    }

    [TestMethod]
    public void CopyTo_OtherClasses_WantsTheHeadLeftOut()
    {
        using ResidualNetwork source = Filled(PixelRows.TinyNetwork, 3, 5);
        using ResidualNetwork target = Filled(PixelRows.TinyNetwork, 3, 4, offset: 1);
        ResNetWeights weights = WeightsOf(source);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => WeightTransfer.CopyTo(weights, target, includeHead: true));
        StringAssert.Contains(exception.Message, "2 misshapen: 'fc.weight' is [5, 16], expected [4, 16], 'fc.bias' is [5], expected [4]. They fit ");

        WeightTransfer.CopyTo(weights, target, includeHead: false);
        foreach (var (a, b) in source.StateEntries.Zip(target.StateEntries).Where(pair => !Head.Owns(pair.First.Name)))
        {
            TensorAssert.AreBitEqual(a.Tensor, b.Tensor, a.Name);
        }
    }

    [TestMethod]
    public void CopyTo_AnotherArchitecture_ListsFaultsAndNamesTheOneThatFits()
    {
        using ResidualNetwork source = new(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20), 3, 10, seed: 1);
        using ResidualNetwork target = new(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet32), 3, 10, seed: 1);

        string message = Assert.ThrowsExactly<ArgumentException>(() => WeightTransfer.CopyTo(WeightsOf(source), target, includeHead: true)).Message;

        StringAssert.Contains(message, "don't fit ResNet32 with 3 channels and 10 classes: 60 missing: 'layer1.3.conv1.weight'");
        StringAssert.Contains(message, " and 50 more");
        StringAssert.Contains(message, "They fit ResNet20, 3 channels, 10 classes.");
    }

    [TestMethod]
    public void CopyTo_GreyNetwork_GivesForGreyImagesWhatRgbGives()
    {
        using ResidualNetwork rgb = Filled(PixelRows.TinyNetwork, 3, 5);
        using ResidualNetwork grey = new(PixelRows.TinyNetwork, 1, 5, seed: 2), back = new(PixelRows.TinyNetwork, 3, 5, seed: 3);
        WeightTransfer.CopyTo(WeightsOf(rgb), grey, includeHead: true);
        WeightTransfer.CopyTo(WeightsOf(grey), back, includeHead: true);
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        rgb.eval();
        grey.eval();
        back.eval();
        Tensor image = GoldenFill.Images(2, 1, 8, 8);

        Tensor expected = rgb.forward(image.expand(2, 3, 8, 8));

        // The order of the sums differs.
        TensorAssert.AreClose(expected, grey.forward(image), 1e-5f);
        TensorAssert.AreClose(expected, back.forward(image.expand(2, 3, 8, 8)), 1e-5f);
    }

    [TestMethod]
    public void FromFile_NaNWeights_LoadsAndCountsThem()
    {
        using ResidualNetwork network = Filled(PixelRows.TinyNetwork, 3, 5);
        using (no_grad())
        {
            network.StateEntries[^1].Tensor.copy_(tensor(float.NaN));
        }

        Assert.AreEqual(5, WeightsOf(network).NonFiniteCount);
    }

    [TestMethod]
    public void FromFile_VariancesBelowZero_CountsThoseThatNormalisationCannotDivideBy()
    {
        using ResidualNetwork network = Filled(PixelRows.TinyNetwork, 3, 5);
        Tensor variance = network.StateEntries.First(entry => entry.Name == "bn1.running_var").Tensor;
        using (no_grad())
        {
            variance.fill_(1);
            variance[0] = -1;
            variance[1] = -1e-5f;
            variance[2] = -9e-6f;
        }

        ResNetWeights weights = WeightsOf(network);

        Assert.AreEqual(2, weights.NonFiniteCount);
        Assert.AreEqual(2, NetworkWeights.NonFiniteCount(network));
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => weights.ToClassifier(new MLContext(1), ["a", "b", "c", "d", "e"])).Message,
            $"The weights of '{weights.Source}' have 2 values that are NaN or infinite, or variances below 0: the scores would be NaN. Take an earlier file, or train again.");
    }

    [TestMethod]
    [DataRow("conv1.weight", WeightElementType.Int64)]
    [DataRow("fc.bias", WeightElementType.Int8)]
    [DataRow("bn1.running_var", WeightElementType.Bool)]
    public void FromFile_IntegersForWeights_AreRefused(string name, WeightElementType type)
    {
        using ResidualNetwork network = Filled(PixelRows.TinyNetwork, 3, 5);
        WeightTensor[] tensors = [.. NetworkWeights.Copy(network).Select(tensor => tensor.Name == name ? tensor with { Type = type, Data = new byte[tensor.ElementCount * type.Size()] } : tensor)];

        string? faults = WeightMatch.Faults(tensors, StateDictLayout.Of(PixelRows.TinyNetwork, 3, 5));

        Assert.AreEqual($"1 of integers: '{name}' is {type}, expected floating point", faults);
    }

    [TestMethod]
    public void FromFile_MutatedSafetensorsAndModels_GiveWeightsOrInvalidData()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(12));
        using var folder = new TemporaryFolder();
        string path = folder.File("weights");
        ITransformer model = PixelRows.Fit(context, data, PixelRows.Options(epochs: 1));
        using (var owner = (IDisposable)model)
        {
            context.Model.Save(model, data.Schema, folder.File("model.zip"));
            PixelRows.ResNetOf(model).SaveWeights(path);
        }

        byte[][] seeds = [File.ReadAllBytes(path), File.ReadAllBytes(folder.File("model.zip"))];
        var random = new Random(1);
        for (int round = 0; round < 1000; round++)
        {
            // Most changes hit the header: the values may be anything.
            byte[] mutated = [.. seeds[round % 2]];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                mutated[random.Next(round % 4 == 0 ? Math.Min(4000, mutated.Length) : mutated.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, mutated);
            try
            {
                ResNetWeights.FromFile(path);
            }
            catch (InvalidDataException)
            {
                continue;
            }
        }
    }

    [TestMethod]
    public void FromFile_MissingFile_SaysSo()
    {
        var exception = Assert.ThrowsExactly<FileNotFoundException>(() => ResNetWeights.FromFile("nowhere/a.pth"));
        Assert.AreEqual("Weights file 'nowhere/a.pth' doesn't exist.", exception.Message);
    }

    [TestMethod]
    public void FromFile_Folder_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var exception = Assert.ThrowsExactly<FileNotFoundException>(() => ResNetWeights.FromFile(folder.Path));
        Assert.AreEqual($"Weights file '{folder.Path}' is a folder, expected a file: safetensors, PyTorch (.pth, .pt), ONNX, or a model.zip of this library.", exception.Message);
    }

    [TestMethod]
    [DataRow("", "it holds nothing: it is empty (0 bytes)")]
    [DataRow("plain text that is long enough", "data of an unknown format")]
    public void FromFile_OtherContent_NamesTheFormats(string content, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("a.pth"), content);

        string message = Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(folder.File("a.pth"))).Message;

        StringAssert.Contains(message, expected);
        StringAssert.Contains(message, "expected safetensors, PyTorch (.pth, .pt), ONNX, or a model.zip of this library");
    }

    /// <summary>The weights of a network by way of a file.</summary>
    private static ResNetWeights WeightsOf(ResidualNetwork network)
    {
        using var folder = new TemporaryFolder();
        Save(network, folder.File("weights"));
        return ResNetWeights.FromFile(folder.File("weights"));
    }

    private static void Save(ResidualNetwork network, string path)
    {
        using FileStream stream = File.Create(path);
        NetworkWeights.Write(network, stream);
    }

    private static ResidualNetwork Filled(ResNetSpecification specification, int channels, int classes, int offset = 0)
    {
        var network = new ResidualNetwork(specification, channels, classes, seed: offset);
        GoldenFill.Fill(network);
        return network;
    }

    private static void AssertEqual(ResidualNetwork expected, ResidualNetwork actual)
    {
        foreach (var (a, b) in expected.StateEntries.Zip(actual.StateEntries))
        {
            TensorAssert.AreBitEqual(a.Tensor, b.Tensor, a.Name);
        }
    }
}
