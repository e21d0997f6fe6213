using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests;

[TestClass]
public sealed class ResNetCatalogTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void NormalizePixels_ImageNetDefaults_EqualHandArithmetic()
    {
        // (0/255 - 0.485)/0.229 and so on; (200,100,50) is the third pixel.
        IDataView data = _context.Data.LoadFromEnumerable([new PlanarPixels { Pixels = [0, 255, 200, 0, 0, 255, 100, 0, 0, 255, 50, 0] }]);

        IDataView normalized = _context.Transforms.NormalizePixels("Features", "Pixels").Fit(data).Transform(data);

        AssertClose(
            [-2.117904f, 2.248908f, 1.307047f, -2.117904f, -2.035714f, 2.428571f, -0.285014f, -2.035714f, -1.804444f, 2.64f, -0.932985f, -1.804444f],
            normalized.GetColumn<float[]>("Features").Single());
    }

    [TestMethod]
    public void NormalizePixels_InterleavedPixels_GetTheSameValues()
    {
        IDataView data = _context.Data.LoadFromEnumerable([new InterleavedPixels { Pixels = [0, 0, 0, 255, 255, 255, 200, 100, 50, 0, 0, 0] }]);

        IDataView normalized = _context.Transforms.NormalizePixels("Pixels").Fit(data).Transform(data);

        AssertClose(
            [-2.117904f, -2.035714f, -1.804444f, 2.248908f, 2.428571f, 2.64f, 1.307047f, -0.285014f, -0.932985f, -2.117904f, -2.035714f, -1.804444f],
            normalized.GetColumn<float[]>(normalized.Schema["Pixels"]).Single());
    }

    [TestMethod]
    public void NormalizePixels_SaysInAnAnnotationWhatItDid()
    {
        IDataView data = _context.Data.LoadFromEnumerable([new PlanarPixels { Pixels = new float[12] }]);
        PixelNormalizingTransformer transformer = _context.Transforms.NormalizePixels("Features", "Pixels", [0.1f, 0.2f, 0.3f], [0.4f, 0.5f, 0.6f], scale: 0.5f).Fit(data);

        VBuffer<float> annotation = default;
        transformer.GetOutputSchema(data.Schema)["Features"].Annotations.GetValue("PixelNormalization", ref annotation);

        CollectionAssert.AreEqual(new[] { 0.5f, 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f }, annotation.DenseValues().ToArray());
    }

    [TestMethod]
    public void NormalizePixels_SavedAndLoaded_GivesTheSameValuesByTransformAndByEngine()
    {
        using var folder = new TemporaryFolder();
        IDataView data = _context.Data.LoadFromEnumerable([new PlanarPixels { Pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }]);
        PixelNormalizingTransformer transformer = _context.Transforms.NormalizePixels("Features", "Pixels", [0.1f, 0.2f, 0.3f], [0.4f, 0.5f, 0.6f]).Fit(data);
        _context.Model.Save(transformer, data.Schema, folder.File("model.zip"));

        var loaded = (PixelNormalizingTransformer)new MLContext().Model.Load(folder.File("model.zip"), out _);

        float[] expected = transformer.Transform(data).GetColumn<float[]>("Features").Single();
        CollectionAssert.AreEqual(expected, loaded.Transform(data).GetColumn<float[]>("Features").Single());
        using PredictionEngine<PlanarPixels, FeaturesRow> engine = _context.Model.CreatePredictionEngine<PlanarPixels, FeaturesRow>(loaded);
        CollectionAssert.AreEqual(expected, engine.Predict(new PlanarPixels { Pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }).Features);
        CollectionAssert.AreEqual(new[] { 0.1f, 0.2f, 0.3f }, loaded.Mean.ToArray());
        CollectionAssert.AreEqual(new[] { 0.4f, 0.5f, 0.6f }, loaded.StandardDeviation.ToArray());
    }

    [TestMethod]
    public void NormalizePixels_BadArguments_SayWhatWasExpected()
    {
        StringAssert.StartsWith(Error(() => _context.Transforms.NormalizePixels("F", standardDeviation: [1, 0, 1])), "The standard deviation has a value that is not above 0.");
        StringAssert.StartsWith(Error(() => _context.Transforms.NormalizePixels("F", mean: [1, 2])), "The mean has 2 values, expected 1 or 3: one a channel.");
        StringAssert.StartsWith(Error(() => _context.Transforms.NormalizePixels("F", mean: [1], standardDeviation: [1, 1, 1])), "The mean has 1 values and the standard deviation 3");
        StringAssert.StartsWith(Error(() => _context.Transforms.NormalizePixels("F", scale: 0)), "The scale is 0");
        IDataView grey = _context.Data.LoadFromEnumerable([new GreyPixels()]);
        StringAssert.Contains(Error(() => _context.Transforms.NormalizePixels("Pixels", mean: [0, 0, 0]).Fit(grey)), "but column 'Pixels' has 1 channels");

        static string Error(Action action) => Assert.ThrowsExactly<ArgumentException>(action).Message;
    }

    [TestMethod]
    public void LoadImageFolder_ClassFolders_AreListedInOrdinalOrder()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in (string[])["b/2.png", "b/10.JPG", "B/x.jpeg", "a/deeper/y.webp", "a/.hidden.png", "a/notes.txt", "c/readme.md"])
        {
            string path = folder.File(file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
        }

        IDataView data = _context.Data.LoadImageFolder(folder.Path);

        CollectionAssert.AreEqual(new[] { "ImagePath", "Label" }, data.Schema.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(
            new[] { folder.File("B/x.jpeg"), folder.File("a/deeper/y.webp"), folder.File("b/10.JPG"), folder.File("b/2.png") },
            data.GetColumn<string>("ImagePath").ToArray());
        CollectionAssert.AreEqual(new[] { "B", "a", "b", "b" }, data.GetColumn<string>("Label").ToArray());
    }

    [TestMethod]
    public void LoadImageFolder_BadFolder_SaysWhatWasExpected()
    {
        using var folder = new TemporaryFolder();
        Assert.AreEqual(
            $"The image folder '{folder.File("none")}' doesn't exist.",
            Assert.ThrowsExactly<DirectoryNotFoundException>(() => _context.Data.LoadImageFolder(folder.File("none"))).Message);
        Assert.AreEqual(
            $"The image folder '{folder.Path}' has no sub-folders, expected one for each class, with its images in it.",
            Assert.ThrowsExactly<InvalidOperationException>(() => _context.Data.LoadImageFolder(folder.Path)).Message);
        File.WriteAllText(folder.File("0110.jpg"), "");
        Assert.AreEqual(
            $"The image folder '{folder.File("0110.jpg")}' is a file, expected a folder with a sub-folder of images for each class.",
            Assert.ThrowsExactly<DirectoryNotFoundException>(() => _context.Data.LoadImageFolder(folder.File("0110.jpg"))).Message);
        Directory.CreateDirectory(folder.File("cat"));
        StringAssert.StartsWith(
            Assert.ThrowsExactly<InvalidOperationException>(() => _context.Data.LoadImageFolder(folder.Path)).Message,
            $"No sub-folder of '{folder.Path}' has an image, expected files of the formats JPEG, PNG, WebP, BMP, GIF.");
    }

    [TestMethod]
    public void ResNet_EveryFaultOfTheOptions_IsReportedAtOnce()
    {
        var options = new ResNetTrainer.Options
        {
            LabelColumnName = "",
            Epochs = 0,
            BatchSize = 1,
            LearningRate = double.NaN,
            Momentum = 1,
            ImageSize = 4,
            StandardDeviation = [1, 0, 1],
            ScoreColumnName = "PredictedLabel",
            WarmupEpochs = -1,
            Architecture = (ResNetArchitecture)99,
        };

        string message = Assert.ThrowsExactly<ArgumentException>(() => _context.MulticlassClassification.Trainers.ResNet(options)).Message;

        StringAssert.StartsWith(message, "ResNetTrainer.Options has 10 faults: ");
        foreach (string fault in (string[])
            [
                "LabelColumnName is empty; expected a column's name.",
                "ScoreColumnName and PredictedLabelColumnName are both 'PredictedLabel'; expected different names.",
                "Epochs is 0; expected 1 to 10000.",
                "BatchSize is 1; expected 2 to 4096.",
                "LearningRate is NaN; expected 1E-06 to 10.",
                "Momentum is 1; expected 0 to 0.999.",
                "StandardDeviation has a value that is not above 0.",
                "ImageSize is 4; expected 8 to 4096, or null.",
                "WarmupEpochs is -1; expected 0 to 10000.",
                "Architecture is 99; expected ResNet18, ResNet34",
            ])
        {
            StringAssert.Contains(message, fault);
        }
    }

    [TestMethod]
    public void Options_Defaults_AreValidAndEqualTheirAnnotations()
    {
        var options = new ResNetTrainer.Options();
        options.Validate();
        foreach (var property in typeof(ResNetTrainer.Options).GetProperties())
        {
            // Null stands for a value that depends on other options.
            if (Attribute.GetCustomAttribute(property, typeof(SearchSpace.RangeAttribute)) is SearchSpace.RangeAttribute range && property.GetValue(options) is not null)
            {
                Assert.AreEqual(Convert.ToDouble(range.Init), Convert.ToDouble(property.GetValue(options)), property.Name);
            }
        }
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5f, $"value {i}");
        }
    }

    private sealed class PlanarPixels
    {
        [VectorType(3, 2, 2)]
        public float[] Pixels { get; set; } = [];
    }

    private sealed class InterleavedPixels
    {
        [VectorType(2, 2, 3)]
        public float[] Pixels { get; set; } = [];
    }

    private sealed class GreyPixels
    {
        [VectorType(1, 2, 2)]
        public float[] Pixels { get; set; } = new float[4];
    }

    private sealed class FeaturesRow
    {
        public float[] Features { get; set; } = [];
    }
}
