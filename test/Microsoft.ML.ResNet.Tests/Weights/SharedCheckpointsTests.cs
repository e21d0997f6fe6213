using System.Text.Json;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Weights;

/// <summary>Files that PyTorch and safetensors wrote, with the values that PyTorch reads from them (<see cref="SharedData"/>, <c>checkpoints</c>).</summary>
[TestClass]
public sealed class SharedCheckpointsTests
{
    [TestMethod]
    [DataRow("tiny/zip.pth")]
    [DataRow("tiny/legacy.pth")]
    [DataRow("tiny/all_types.safetensors")]
    public void Read_EveryElementTypeAndLayout_GivesPyTorchsValues(string file)
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Checkpoint("tiny/expected.json")));
        Dictionary<string, WeightTensor> read = WeightFileReader.Read(Checkpoint(file)).Tensors.ToDictionary(tensor => tensor.Name);

        foreach (JsonProperty entry in expected.RootElement.EnumerateObject().Where(entry => !file.EndsWith("safetensors", StringComparison.Ordinal) || read.ContainsKey(entry.Name)))
        {
            WeightTensor tensor = read[entry.Name];
            CollectionAssert.AreEqual(entry.Value.GetProperty("shape").EnumerateArray().Select(side => side.GetInt64()).ToArray(), tensor.Shape.ToArray(), entry.Name);
            Assert.AreEqual(entry.Value.GetProperty("dtype").GetString(), tensor.Type.ToString().ToLowerInvariant(), entry.Name);
            CollectionAssert.AreEqual(entry.Value.GetProperty("values").EnumerateArray().Select(value => value.GetSingle()).ToArray(), tensor.ToSingle(), entry.Name);
        }

        Assert.IsGreaterThan(8, read.Count);
    }

    [TestMethod]
    [DataRow("tiny/state_dict_with_metadata.pth", "0.weight")]
    [DataRow("tiny/training_checkpoint_module_prefix.pth", "module.0.weight")]
    public void Read_CheckpointsOfTraining_GiveTheState(string file, string first)
    {
        IReadOnlyList<WeightTensor> tensors = WeightFileReader.Read(Checkpoint(file)).Tensors;

        Assert.AreEqual(first, tensors[0].Name);
        CollectionAssert.AreEqual(new long[] { 4, 3, 3, 3 }, tensors[0].Shape.ToArray());
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(Checkpoint(file))).Message, "'conv1.weight' is missing. It has");
    }

    [TestMethod]
    [DataRow("tiny/whole_module_pickle.pth", "asks for the Python object 'torch.nn.modules.container.Sequential'")]
    [DataRow("tiny/truncated.safetensors", "It was cut short or damaged")]
    [DataRow("tiny/bad_header_length.safetensors", "its header is said to have")]
    public void FromFile_FilesThatAreNoWeights_SayWhy(string file, string expected)
    {
        string path = Checkpoint(file);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(path));

        StringAssert.StartsWith(exception.Message, $"Weights file '{path}' can't be used: ");
        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    [DataRow("resnet18_3class_fp16.pth")]
    [DataRow("resnet18_3class_fp16.safetensors")]
    public void FromFile_ResNet18InHalfPrecision_GivesPyTorchsLogits(string file)
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Checkpoint("resnet18_3class_fp16.json")));
        ResNetWeights weights = ResNetWeights.FromFile(Checkpoint(file));
        Assert.AreEqual(ResNetArchitecture.ResNet18, weights.Architecture);
        Assert.AreEqual(3, weights.ClassCount);
        using ResidualNetwork network = Build(weights);
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        foreach (var (name, shape) in new[] { ("input_2x3x64x64", new long[] { 2, 3, 64, 64 }), ("input_1x3x224x224", [1, 3, 224, 224]) })
        {
            float[] logits = network.forward(GoldenFill.Images(shape)).data<float>().ToArray();
            float[] values = [.. expected.RootElement.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];
            for (int i = 0; i < values.Length; i++)
            {
                // float32 sums in another order.
                Assert.AreEqual(values[i], logits[i], 1e-4f, name);
            }
        }
    }

    [TestMethod]
    [DataRow("resnet20-12fca82f.th", ResNetArchitecture.ResNet20, 0.795)]
    [DataRow("resnet56-4bfd9763.th", ResNetArchitecture.ResNet56, 0.838)]
    public void FromFile_RealCifarNetworks_ReachTheirAccuracy(string file, ResNetArchitecture architecture, double accuracy)
    {
        ResNetWeights weights = ResNetWeights.FromFile(Checkpoint($"real-cifar-resnet/{file}"));
        Assert.AreEqual(architecture, weights.Architecture);
        Assert.AreEqual(10, weights.ClassCount);
        var format = InputFormat.Of(32, 32, PixelRange.ZeroTo255, ImagePreprocessing.DefaultMean(3), ImagePreprocessing.DefaultStandardDeviation(3));
        using ResidualNetwork network = Build(weights);
        using var input = new NetworkInput(format, CPU);
        using var inference = inference_mode();
        int correct = 0, count = 0;
        string[] classes = [.. Directory.GetDirectories(Path.Combine(SharedData.Folder("cifar10"), "test")).Order(StringComparer.Ordinal)];
        for (int label = 0; label < classes.Length; label++)
        {
            using var scope = NewDisposeScope();
            byte[] pixels = [.. Directory.GetFiles(classes[label]).Order(StringComparer.Ordinal).SelectMany(Decode)];
            int images = pixels.Length / format.ByteCount;
            using Tensor best = network.forward(input.Create(pixels, images)).argmax(1);
            correct += best.data<long>().ToArray().Count(prediction => prediction == label);
            count += images;
        }

        Assert.AreEqual(1000, count);
        Assert.AreEqual(accuracy, correct / 1000.0, 0.0005);
    }

    private static byte[] Decode(string path)
    {
        using PixelImage image = ImageDecoder.DecodeFile(path);
        return image.Span.ToArray();
    }

    private static ResidualNetwork Build(ResNetWeights weights)
    {
        var network = new ResidualNetwork(weights.Specification, weights.InputChannels, weights.ClassCount ?? 1, seed: 1);
        WeightTransfer.CopyTo(weights, network, includeHead: true);
        network.eval();
        return network;
    }

    private static string Checkpoint(string file) => Path.Combine(SharedData.Folder("checkpoints"), file);
}
