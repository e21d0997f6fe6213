using System.IO.Compression;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Small valid weights files of every format, of the smallest network that there is.</summary>
internal static class WeightSeeds
{
    private static readonly ResNetSpecification Cifar = new() { Depths = [1], Widths = [4], Stem = ResNetStem.Cifar };
    private static readonly ResNetSpecification ImageNet = new() { Depths = [1, 1], Widths = [2, 4], Stem = ResNetStem.ImageNet };

    public static readonly string[] Classes = ["cat", "dog"];

    public static byte[][] Safetensors => [OfNetwork(Cifar, Safe), OfNetwork(ImageNet, Safe)];

    public static byte[][] Onnx => [OfNetwork(ImageNet, network => OnnxFile.Write(network)), OfNetwork(ImageNet with { Depths = [2], Widths = [2] }, network => OnnxFile.Write(network)), Export()];

    public static byte[][] PyTorchZip
    {
        get
        {
            IReadOnlyList<WeightTensor> tensors = Tensors();
            return [PyTorchFile.Zip(Pickle(tensors), Parts(tensors)), PyTorchFile.Zip(RarePickle(), ("0", new byte[24]), ("1", new byte[8]))];
        }
    }

    public static byte[][] PyTorchLegacy
    {
        get
        {
            IReadOnlyList<WeightTensor> tensors = Tensors();
            return
            [
                PyTorchFile.Legacy(Pickle(tensors), [.. tensors.Select((tensor, i) => ($"{i}", (long)tensor.ElementCount, tensor.Data))]),
                PyTorchFile.Legacy(RarePickle(), ("0", 6, new byte[24]), ("1", 4, new byte[8])),
            ];
        }
    }

    /// <summary>What <c>ExportOnnx</c> writes, texts and metadata included.</summary>
    private static byte[] Export()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("weights"), Safetensors[0]);
        using ResNetTransformer model = ResNetWeights.FromFile(folder.File("weights")).ToClassifier(new MLContext(1), Classes, imageSize: 8);
        model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions { PredictedLabelName = "PredictedLabel" });
        return File.ReadAllBytes(folder.File("model.onnx"));
    }

    /// <summary>What <c>mlContext.Model.Save</c> writes, of an untrained classifier.</summary>
    public static byte[] ModelZip(MLContext context)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("weights"), Safetensors[0]);
        using ResNetTransformer model = ResNetWeights.FromFile(folder.File("weights")).ToClassifier(context, Classes, imageSize: 8);
        IDataView data = context.Data.LoadFromEnumerable([new PathRow()]);
        context.Model.Save(model, data.Schema, folder.File("model.zip"));
        return File.ReadAllBytes(folder.File("model.zip"));
    }

    /// <summary>The same for image features.</summary>
    public static byte[] FeaturesZip(MLContext context)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("weights"), Safetensors[0]);
        IDataView data = context.Data.LoadFromEnumerable([new PathRow()]);
        using ResNetFeaturesTransformer model = context.Transforms.ResNetFeatures("Features", "ImagePath", ResNetWeights.FromFile(folder.File("weights"))).Fit(data);
        context.Model.Save(model, data.Schema, folder.File("model.zip"));
        return File.ReadAllBytes(folder.File("model.zip"));
    }

    /// <summary>One part of a model file, by the end of its name.</summary>
    public static byte[] Part(byte[] zip, string name) => ZipMutator.Read(zip).Single(entry => entry.Name.EndsWith(name, StringComparison.Ordinal)).Content;

    /// <summary>The same parts uncompressed, so that damage hits what is in them.</summary>
    public static byte[] Uncompressed(byte[] zip) => ZipMutator.Write(ZipMutator.Read(zip), CompressionLevel.NoCompression);

    public static ResidualNetwork Network() => Filled(Cifar);

    private static byte[] OfNetwork(ResNetSpecification specification, Func<ResidualNetwork, byte[]> write)
    {
        using ResidualNetwork network = Filled(specification);
        return write(network);
    }

    private static ResidualNetwork Filled(ResNetSpecification specification)
    {
        var network = new ResidualNetwork(specification, 3, Classes.Length, seed: 1);
        GoldenFill.Fill(network);
        return network;
    }

    private static byte[] Safe(ResidualNetwork network)
    {
        using var stream = new MemoryStream();
        NetworkWeights.Write(network, stream);
        return stream.ToArray();
    }

    private static IReadOnlyList<WeightTensor> Tensors()
    {
        using ResidualNetwork network = Filled(Cifar);
        return NetworkWeights.Copy(network);
    }

    private static (string Key, byte[] Content)[] Parts(IReadOnlyList<WeightTensor> tensors) => [.. tensors.Select((tensor, i) => ($"{i}", tensor.Data))];

    private static byte[] Pickle(IReadOnlyList<WeightTensor> tensors)
    {
        PickleWriter writer = new PickleWriter().OrderedDict().Raw((byte)'q', 0).Op('(');
        for (int i = 0; i < tensors.Count; i++)
        {
            int[] shape = [.. tensors[i].Shape.Select(side => (int)side)];
            int[] strides = [.. shape.Select((_, axis) => shape[(axis + 1)..].Aggregate(1, (product, side) => product * side))];
            string type = tensors[i].Type == WeightElementType.Int64 ? "LongStorage" : "FloatStorage";
            writer.Text(tensors[i].Name).Tensor(type, $"{i}", tensors[i].ElementCount, 0, shape, strides);
        }

        return writer.Op('u').ToArray();
    }

    /// <summary>What checkpoints have beside weights: settings, an optimiser, sets, numbers of every size, values that are used twice.</summary>
    private static byte[] RarePickle() => new PickleWriter().Op('}').Op('(')
        .Text("epoch").Number(3)
        .Text("loss").Op('G').Raw(0x3f, 0xf0, 0, 0, 0, 0, 0, 0)
        .Text("big").Raw(0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9)
        .Text("args").Global("argparse", "Namespace").Op(')').Raw(0x81).Op('}').Op('b')
        .Text("list").Op(']').Raw((byte)'q', 1).Op('(').Op('N').Raw(0x88, 0x89, (byte)'h', 1, (byte)'K', 7, (byte)'M', 1, 2).Op('e')
        .Text("set").Raw(0x8f, (byte)'(', (byte)'K', 1, 0x90)
        .Text("frozen").Op('(').Raw((byte)'K', 1, 0x91)
        .Text("bytes").Raw((byte)'C', 3, 1, 2, 3)
        .Raw(0x8c, 10).Raw([.. "state_dict"u8]).Raw(0x94).OrderedDict().Op('(')
        .Text("plain").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])
        .Text("transposed").Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])
        .Text("half").Tensor("HalfStorage", "1", 4, 1, [3], [1])
        .Op('u').Op('u').ToArray();

    internal sealed class PathRow
    {
        public string ImagePath { get; set; } = "";
    }
}
