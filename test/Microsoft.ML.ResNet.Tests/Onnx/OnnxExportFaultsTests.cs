using Microsoft.ML.ResNet.Images;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.OnnxModels;

namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>What can't be exported, and what the errors say.</summary>
[TestClass]
public sealed class OnnxExportFaultsTests
{
    private static readonly ResNetSpecification Small = new() { Depths = [1], Widths = [4], Stem = ResNetStem.Cifar };

    [TestMethod]
    public void Export_FaultyOptions_NamesEveryFault()
    {
        using ResNetTransformer model = Create(Small, 8);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => model.ExportOnnx("model.onnx", new OnnxExportOptions
        {
            OpsetVersion = 16,
            Precision = (OnnxPrecision)9,
            InputType = (OnnxInputType)9,
            InputLayout = (PixelLayout)9,
            LogitsName = "scores",
            FeaturesName = " ",
        }));

        Assert.AreEqual(
            "The options of ExportOnnx can't be used: OpsetVersion is 16, expected 17 to 21. Precision is 9, expected a member of OnnxPrecision. "
            + "InputType is 9, expected a member of OnnxInputType. InputLayout is 9, expected a member of PixelLayout. "
            + "A name of the input or of an output is empty. 2 inputs or outputs are named 'scores', expected different names.",
            exception.Message);
    }

    [TestMethod]
    public void Export_NameOfATensorInside_SaysWhatToDo()
    {
        using ResNetTransformer model = Create(Small, 8);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => model.ExportOnnx("model.onnx", new OnnxExportOptions { ScoresName = "layer1.0.conv1" }));

        Assert.AreEqual("Two tensors of the ONNX graph would be named 'layer1.0.conv1'. Choose another name for the input or output in OnnxExportOptions.", exception.Message);
    }

    [TestMethod]
    public void Export_BytesToAModelOfNormalizedPixels_SaysWhatToDo()
    {
        using ResNetTransformer model = Create(Small, 8, PixelRange.Normalized);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => model.ExportOnnx("model.onnx", new OnnxExportOptions { InputType = OnnxInputType.UInt8 }));

        Assert.AreEqual(
            "InputType is UInt8, but the model was trained on normalised pixels. Set PixelNormalization to the NormalizePixels transformer of the pipeline, or InputType to Float32.",
            exception.Message);
    }

    [TestMethod]
    [DataRow(PixelRange.ZeroTo255, 3, "PixelNormalization is set, but the model was trained on pixels of the range ZeroTo255 and normalises them itself. Leave it null.")]
    [DataRow(PixelRange.Normalized, 1, "PixelNormalization has 1 channels, but the model has 3. Take the NormalizePixels transformer of the same pipeline.")]
    public void Export_PixelNormalizationThatDoesNotFit_SaysWhy(PixelRange range, int channels, string expected)
    {
        using ResNetTransformer model = Create(Small, 8, range);
        float[] ones = [.. Enumerable.Repeat(1f, channels)];
        var normalization = new PixelNormalizingTransformer("Features", "Pixels", new PixelNormalization(1, ones, ones));

        var exception = Assert.ThrowsExactly<ArgumentException>(() => model.ExportOnnx("model.onnx", new OnnxExportOptions { PixelNormalization = normalization }));

        Assert.AreEqual(expected, exception.Message);
    }

    [TestMethod]
    public void Export_WeightBeyondHalfPrecision_NamesItAndKeepsTheOlderFile()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("model.onnx"), "older");
        using ResNetTransformer model = Create(Small, 8, change: network =>
        {
            using IDisposable withoutGradients = torch.no_grad();
            using Scalar million = 1e6;
            network.StateEntries.Single(entry => entry.Name == "fc.weight").Tensor.mul_(million);
        });

        var exception = Assert.ThrowsExactly<InvalidOperationException>(
            () => model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions { Precision = OnnxPrecision.Float16 }));

        StringAssert.StartsWith(exception.Message, "The tensor 'fc.weight' has values up to ");
        StringAssert.EndsWith(exception.Message, ", which float16 can't hold (its largest is 65504). Export with Precision Float32.");
        Assert.AreEqual("older", File.ReadAllText(folder.File("model.onnx")));
        Assert.HasCount(1, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Export_AfterDispose_GivesObjectDisposedException()
    {
        ResNetTransformer model = Create(Small, 8);
        model.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => model.ExportOnnx("model.onnx"));
        Assert.IsFalse(File.Exists("model.onnx"));
    }
}
