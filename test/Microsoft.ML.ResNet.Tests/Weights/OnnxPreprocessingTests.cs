using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Weights;

namespace Microsoft.ML.ResNet.Tests.Weights;

/// <summary>What <c>ExportOnnx</c> wrote, read as weights.</summary>
[TestClass]
public sealed class OnnxPreprocessingTests
{
    private static readonly ResNetSpecification Small = new() { Depths = [1, 1], Widths = [8, 16], Stem = ResNetStem.Cifar };

    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(true, OnnxInputType.Float32, PixelLayout.Planar, OnnxPrecision.Float32)]
    [DataRow(false, OnnxInputType.UInt8, PixelLayout.Interleaved, OnnxPrecision.Float32)]
    [DataRow(true, OnnxInputType.UInt8, PixelLayout.Planar, OnnxPrecision.Float16)]
    public void FromFile_ExportWithEveryOutput_ScoresAsTheModelDid(bool fold, OnnxInputType type, PixelLayout layout, OnnxPrecision precision)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = OnnxModels.Create(Small, 32, kind: FeatureKind.Path);
        model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions { FoldBatchNorm = fold, InputType = type, InputLayout = layout, Precision = precision, PredictedLabelName = "PredictedLabel", LogitsName = "Logits" });
        IDataView images = _context.Data.LoadFromEnumerable(ImageRows.Write(folder.Path, 6, 50, 40).Select(row => new Row { Features = row.ImagePath }));

        ResNetWeights weights = ResNetWeights.FromFile(folder.File("model.onnx"));
        using ResNetTransformer made = weights.ToClassifier(_context, featureColumnName: "Features");

        Assert.AreEqual(Small, weights.Specification);
        CollectionAssert.AreEqual(OnnxModels.Classes, weights.ClassNames!.ToArray());
        Assert.AreEqual((32, 32, 32, ImageFit.ShortSideCrop), (weights.Preprocessing!.Width, weights.Preprocessing.Height, weights.Preprocessing.ShortSide, weights.Preprocessing.Fit));
        CollectionAssert.AreEqual(model.Preprocessing.Mean.ToArray(), weights.Preprocessing.Mean.ToArray());
        CollectionAssert.AreEqual(model.Preprocessing.StandardDeviation.ToArray(), weights.Preprocessing.StandardDeviation.ToArray());

        // Folded weights are rounded once more, and those of half precision have three digits.
        double tolerance = precision == OnnxPrecision.Float16 ? 2e-2 : 1e-4;
        foreach (var (expected, actual) in Scores(model, images).Zip(Scores(made, images)))
        {
            Assert.AreEqual(expected, actual, tolerance);
        }
    }

    [TestMethod]
    [DataRow(PixelRange.ZeroToOne)]
    [DataRow(PixelRange.Normalized)]
    public void FromFile_ExportOfAModelOfPixels_HasItsPreprocessingWhereItIsKnown(PixelRange range)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = OnnxModels.Create(Small, 32, range);
        model.ExportOnnx(folder.File("model.onnx"));

        ResNetWeights weights = ResNetWeights.FromFile(folder.File("model.onnx"));

        CollectionAssert.AreEqual(OnnxModels.Classes, weights.ClassNames!.ToArray());
        CollectionAssert.AreEqual(range == PixelRange.Normalized ? null : model.Preprocessing.Mean.ToArray(), weights.Preprocessing?.Mean.ToArray());
    }

    /// <summary>The weights of ImageNet() are divided by nothing: a deviation of 1/255 has two zeros before its first digit.</summary>
    [TestMethod]
    [DataRow(0.48f, 1 / 255f)]
    [DataRow(0.485f, 0.229f)]
    [DataRow(0.123456f, 0.00123456f)]
    public void AsOfWeights_FactorAndOffset_GiveMeanAndDeviationToTheLastDigits(float mean, float deviation)
    {
        float scale = (float)(1 / (255.0 * deviation)), offset = (float)(-(double)mean / deviation);
        string json = JsonSerializer.Serialize(new { width = 8, height = 8, channels = 1, range = "ZeroTo255", fit = "Stretch", shortSide = 8, inGraph = new { scale = new[] { scale }, offset = new[] { offset } } });

        using var read = JsonDocument.Parse(OnnxPreprocessing.AsOfWeights(new Dictionary<string, string> { ["preprocessing"] = json })["preprocessing"]);

        Assert.AreEqual(mean, read.RootElement.GetProperty("mean")[0].GetSingle(), 3e-7 * mean);
        Assert.AreEqual(deviation, read.RootElement.GetProperty("standardDeviation")[0].GetSingle(), 3e-7 * deviation);
    }

    [TestMethod]
    public void FromFile_ExportOfAnotherGraph_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer padded = OnnxModels.Create(Small with { Shortcut = ResNetShortcut.ZeroPad }, 32);
        using ResNetTransformer model = OnnxModels.Create(Small, 32);
        using ResNetTransformer flipped = model.WithTestTimeAugmentation(_context, TestTimeAugmentation.HorizontalFlip);

        foreach (ResNetTransformer other in (ResNetTransformer[])[padded, flipped])
        {
            other.ExportOnnx(folder.File("model.onnx"));
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(folder.File("model.onnx"))).Message, $"Weights file '{folder.File("model.onnx")}' can't be used: ");
        }
    }

    [TestMethod]
    [DataRow("{", "be read")]
    [DataRow("null", "A part of it is null.")]
    [DataRow("""{"width":32,"height":32,"channels":3,"range":"ZeroTo255","fit":"ShortSideCrop","shortSide":32,"inGraph":null}""", "A part of it is null.")]
    [DataRow("""{"width":32,"height":32,"channels":3,"range":"ZeroTo255","fit":"ShortSideCrop","shortSide":32,"inGraph":{"scale":[0,0,0],"offset":[1,1,1]}}""", "be read")]
    public void AsOfWeights_DamagedMetadata_SaysWhatIsWrong(string json, string expected)
    {
        string message = Assert.ThrowsExactly<InvalidDataException>(() => OnnxPreprocessing.AsOfWeights(new Dictionary<string, string> { ["preprocessing"] = json })).Message;

        StringAssert.StartsWith(message, "its metadata 'preprocessing' can't be read: ");
        StringAssert.Contains(message, expected);
        StringAssert.EndsWith(message, "Export the model again, or remove the metadata.");
    }

    private static float[] Scores(ResNetTransformer model, IDataView images) => [.. model.Transform(images).GetColumn<float[]>("Score").SelectMany(row => row)];

    private sealed class Row
    {
        public string Features { get; set; } = "";
    }
}
