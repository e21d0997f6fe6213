using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>A trained pipeline as one of ML.NET's own transforms: here, and in an application that has no libtorch.</summary>
[TestClass]
public sealed class OnnxPipelineTests
{
    // ONNX Runtime and libtorch add in different orders.
    private const float Tolerance = 1e-4f;

    private const int Size = 16;

    private static readonly MLContext Context = new(1);
    private static readonly TemporaryFolder Folder = new();
    private static List<ImageRow> s_rows = [];
    private static IDataView s_data = null!;
    private static ITransformer s_model = null!;
    private static PredictionRow[] s_expected = [];

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        // Images of the network's size: ML.NET's resizing differs from this library's, and is not what is compared here.
        s_rows = ImageRows.Write(Folder.Path, 30, Size, Size);
        s_data = Context.Data.LoadFromEnumerable(s_rows.Select(row => new Input { ImagePath = row.ImagePath, Label = row.Label }));
        s_model = Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.Transforms.LoadImages("Image", null, "ImagePath"))
            .Append(Context.Transforms.ResizeImages("Image", Size, Size))
            .Append(Context.Transforms.ExtractPixels("Pixels", "Image"))
            .Append(Context.Transforms.NormalizePixels("Features", "Pixels", mean: [0.4f, 0.5f, 0.6f]))
            .Append(Context.MulticlassClassification.Trainers.ResNet(ImageRows.Options("Features", epochs: 3)))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(s_data);
        s_expected = [.. Context.Data.CreateEnumerable<PredictionRow>(s_model.Transform(s_data), reuseRowObject: false)];
    }

    [ClassCleanup]
    public static void Free()
    {
        ((IDisposable)s_model).Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void Transform_OnnxPipeline_PredictsTheSame()
    {
        ITransformer onnxModel = ToOnnxPipeline(s_model, s_data, Folder.File("model.onnx"));

        OnnxRow[] actual = [.. Context.Data.CreateEnumerable<OnnxRow>(onnxModel.Transform(s_data), reuseRowObject: false)];

        Assert.IsGreaterThan(1, s_expected.Select(row => row.PredictedLabel).Distinct().Count());
        Assert.HasCount(s_expected.Length, actual);
        for (int i = 0; i < actual.Length; i++)
        {
            Assert.AreEqual(s_expected[i].PredictedLabel, actual[i].PredictedLabel.Single());
            AssertNear(s_expected[i].Score, actual[i].Score);
        }
    }

    [TestMethod]
    public void MapValueToKey_PredictedLabel_GivesTheKeysOfTheModel()
    {
        // Where the label is wanted as a key, as the training data have it: the classes are its values, in the same order.
        ResNetTransformer resnet = PixelRows.ResNetOf(s_model);
        IDataView classes = Context.Data.LoadFromEnumerable(resnet.ClassNames.Select(name => new Class { Name = name }));
        IDataView scored = ToOnnxPipeline(s_model, s_data, Folder.File("keys.onnx")).Transform(s_data);

        IDataView keyed = Context.Transforms.Conversion.MapValueToKey("PredictedLabel", keyData: classes).Fit(scored).Transform(scored);

        uint[] expected = [.. s_expected.Select(row => (uint)resnet.ClassNames.ToList().IndexOf(row.PredictedLabel) + 1)];
        CollectionAssert.AreEqual(expected, keyed.GetColumn<VBuffer<uint>>("PredictedLabel").Select(key => key.GetValues()[0]).ToArray());
    }

    [TestMethod]
    public async Task Score_InAnApplicationWithoutTorch_IsTheSame()
    {
        Context.Model.Save(ToOnnxPipeline(s_model, s_data, Folder.File("saved.onnx")), s_data.Schema, Folder.File("onnx-model.zip"));
        File.Delete(Folder.File("saved.onnx"));

        ProcessResult result = await DotNet.RunAsync(["exec", RepositoryPaths.Sample("OnnxApp"), Folder.File("onnx-model.zip"), .. s_rows.Select(row => row.ImagePath)]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        string[] lines = result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.HasCount(s_rows.Count, lines);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] parts = lines[i].Split('\t');
            Assert.AreEqual(Path.GetFileName(s_rows[i].ImagePath), parts[0]);
            Assert.AreEqual(s_expected[i].PredictedLabel, parts[1]);
            AssertNear(s_expected[i].Score, [.. parts[2].Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture))]);
        }
    }

    [TestMethod]
    public void Deployment_OfOnnxApp_HasNoTorchAndIsSmaller()
    {
        FileInfo[] onnx = Deployment("OnnxApp"), torch = Deployment("ExistingApp");

        Console.WriteLine($"OnnxApp {onnx.Sum(file => file.Length) / 1e6:F0} MB, ExistingApp {torch.Sum(file => file.Length) / 1e6:F0} MB");
        Assert.IsFalse(onnx.Any(file => file.Name.Contains("torch", StringComparison.OrdinalIgnoreCase) || file.Name == "Microsoft.ML.ResNet.dll"));
        Assert.IsTrue(torch.Any(file => file.Name.Contains("torch", StringComparison.OrdinalIgnoreCase)));
        Assert.IsLessThan(torch.Sum(file => file.Length), onnx.Sum(file => file.Length));
    }

    /// <summary>As docs/onnx-and-pytorch.md says for a model of pixel vectors.</summary>
    private static ITransformer ToOnnxPipeline(ITransformer model, IDataView data, string path)
    {
        var transformers = (IEnumerable<ITransformer>)model;
        ResNetTransformer resnet = transformers.OfType<ResNetTransformer>().Single();
        resnet.ExportOnnx(path, new OnnxExportOptions
        {
            ScoresName = "Score",
            PredictedLabelName = "PredictedLabel",
            PixelNormalization = transformers.OfType<PixelNormalizingTransformer>().SingleOrDefault(),
        });

        return Context.Transforms.LoadImages("Image", null, "ImagePath")
            .Append(Context.Transforms.ResizeImages("Image", resnet.Preprocessing.Width, resnet.Preprocessing.Height))
            .Append(Context.Transforms.ExtractPixels("pixels", "Image"))
            .Append(Context.Transforms.ApplyOnnxModel(["PredictedLabel", "Score"], ["pixels"], path))
            .Fit(data);
    }

    private static FileInfo[] Deployment(string sample)
        => Directory.GetParent(RepositoryPaths.Sample(sample))!.GetFiles("*", SearchOption.AllDirectories);

    private static void AssertNear(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThan(Tolerance, expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private sealed class Input
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class Class
    {
        public string Name { get; set; } = "";
    }

    private sealed class OnnxRow
    {
        public string[] PredictedLabel { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
