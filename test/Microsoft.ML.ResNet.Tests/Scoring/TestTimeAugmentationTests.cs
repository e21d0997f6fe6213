using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>Scores of several views, beside the scores of the views one by one.</summary>
[TestClass]
public sealed class TestTimeAugmentationTests
{
    // Images of 128 x 160 and 160 x 128 are their own size after resizing, so that crops of the network's 112 x 112 have their pixels.
    private const int Size = 112, ShortSide = 128, LongSide = 160, Count = 37;

    private static readonly MLContext Context = new(1);
    private static readonly TemporaryFolder Folder = new();
    private static Row[] s_rows = null!;
    private static IDataView s_data = null!;
    private static ResNetTransformer s_network = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_rows = [.. Enumerable.Range(0, Count).Select(i => new Row { Label = i % 3 == 0 ? "left" : "right", ImagePath = Write(i) })];
        s_data = Context.Transforms.Conversion.MapValueToKey("Label").Fit(Data(s_rows)).Transform(Data(s_rows));
        s_network = Context.MulticlassClassification.Trainers.ResNet(Options()).Fit(s_data);
    }

    [ClassCleanup]
    public static void Free()
    {
        s_network.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    [DataRow(TestTimeAugmentation.HorizontalFlip)]
    [DataRow(TestTimeAugmentation.FiveCrop)]
    [DataRow(TestTimeAugmentation.TenCrop)]
    public void WithTestTimeAugmentation_AnyBatch_AveragesTheLogitsOfTheViews(TestTimeAugmentation augmentation)
    {
        using ResNetTransformer augmented = s_network.WithTestTimeAugmentation(Context, augmentation);
        s_network.ExportOnnx(Folder.File($"{augmentation}.onnx"));
        using var one = new OnnxSession(Folder.File($"{augmentation}.onnx"));

        float[][] scores = Scores(augmented);
        for (int i = 0; i < Count; i++)
        {
            float[][] views = [.. Views(i, augmentation)];
            Assert.HasCount(augmentation switch { TestTimeAugmentation.HorizontalFlip => 2, TestTimeAugmentation.FiveCrop => 5, _ => 10 }, views);
            AssertNear(Average(one.Run<float>(views, "scores")), scores[i], $"image {i}");
        }

        CollectionAssert.AreNotEqual(Scores(s_network)[0], scores[0]);
        PredictionEngine<Row, Scored> engine = Context.Model.CreatePredictionEngine<Row, Scored>(augmented, new PredictionEngineOptions { OwnsTransformer = false });
        AssertNear(scores[5], engine.Predict(s_rows[5]).Score, "alone");
    }

    [TestMethod]
    public void WithTestTimeAugmentation_SavedAndLoaded_ScoresTheSame()
    {
        using ResNetTransformer augmented = s_network.WithTestTimeAugmentation(Context, TestTimeAugmentation.TenCrop);
        Context.Model.Save(augmented, s_data.Schema, Folder.File("ten.zip"));
        using var loaded = (ResNetTransformer)new MLContext().Model.Load(Folder.File("ten.zip"), out _);
        using ResNetTransformer plain = loaded.WithTestTimeAugmentation(Context, TestTimeAugmentation.None);

        Assert.AreEqual(TestTimeAugmentation.TenCrop, loaded.TestTimeAugmentation);
        CollectionAssert.AreEqual(Scores(augmented).SelectMany(row => row).ToArray(), Scores(loaded).SelectMany(row => row).ToArray());
        Assert.AreEqual(TestTimeAugmentation.None, plain.TestTimeAugmentation);
        CollectionAssert.AreEqual(Scores(s_network).SelectMany(row => row).ToArray(), Scores(plain).SelectMany(row => row).ToArray());
    }

    [TestMethod]
    [DataRow(OnnxPrecision.Float32, OnnxInputType.UInt8, PixelLayout.Interleaved, 17, 1e-4f)]
    [DataRow(OnnxPrecision.Float32, OnnxInputType.Float32, PixelLayout.Planar, 21, 1e-4f)]
    [DataRow(OnnxPrecision.Float16, OnnxInputType.Float32, PixelLayout.Planar, 18, 2e-2f)]
    public void ExportOnnx_HorizontalFlip_ScoresTheSame(OnnxPrecision precision, OnnxInputType type, PixelLayout layout, int opset, float tolerance)
    {
        using ResNetTransformer augmented = s_network.WithTestTimeAugmentation(Context, TestTimeAugmentation.HorizontalFlip);
        string path = Folder.File($"{precision}-{type}.onnx");
        augmented.ExportOnnx(path, new OnnxExportOptions { Precision = precision, InputType = type, InputLayout = layout, OpsetVersion = opset, LogitsName = "logits", FeaturesName = "features" });
        using var onnx = new OnnxSession(path);
        float[][] images = [.. Enumerable.Range(0, 5).Select(i => Pixels(i, CropPosition.Center, isFlipped: false, layout == PixelLayout.Planar))];

        float[][] expected = Scores(augmented), actual = onnx.Run<float>(images, "scores"), logits = onnx.Run<float>(images, "logits");
        for (int i = 0; i < images.Length; i++)
        {
            AssertNear(expected[i], actual[i], $"image {i}", tolerance);
            AssertNear(actual[i], Softmax([.. logits[i].Select(value => (double)value)]), $"logits of image {i}", tolerance);
        }

        Assert.HasCount(5, onnx.Run<float>(images, "features"));
        Assert.AreEqual("HorizontalFlip", onnx.Metadata.CustomMetadataMap["test_time_augmentation"]);
        AssertNear(actual[2], onnx.Run<float>([images[2]], "scores")[0], "alone", tolerance);
    }

    [TestMethod]
    [DataRow(TestTimeAugmentation.FiveCrop)]
    [DataRow(TestTimeAugmentation.TenCrop)]
    public void ExportOnnx_Crops_SaysWhatCanBeExported(TestTimeAugmentation augmentation)
    {
        using ResNetTransformer augmented = s_network.WithTestTimeAugmentation(Context, augmentation);

        string message = Assert.ThrowsExactly<InvalidOperationException>(() => augmented.ExportOnnx(Folder.File("crops.onnx"))).Message;

        StringAssert.Contains(message, $"The model scores {augmentation}, crops of an image that is larger than the network's input");
        StringAssert.Contains(message, "WithTestTimeAugmentation with HorizontalFlip or None");
        Assert.IsFalse(File.Exists(Folder.File("crops.onnx")));
    }

    /// <summary>The temperature is that of the averaged scores: measured again on the same images, it is 1.</summary>
    [TestMethod]
    public void Fit_CalibrateScores_CalibratesTheAverage()
    {
        ResNetTrainer.Options options = Options(TestTimeAugmentation.TenCrop);
        options.ValidationSet = s_data;
        options.CalibrateScores = true;
        using ResNetTransformer network = Context.MulticlassClassification.Trainers.ResNet(options).Fit(s_data);
        using ResNetTransformer again = network.WithCalibratedScores(Context, s_data);
        using ResNetTransformer plain = network.WithTestTimeAugmentation(Context, TestTimeAugmentation.None);
        using ResNetTransformer plainAgain = plain.WithCalibratedScores(Context, s_data);
        Console.WriteLine($"Temperatures: {network.Temperature}, {again.Temperature}, of one view {plainAgain.Temperature}");

        Assert.AreEqual(TestTimeAugmentation.TenCrop, network.TestTimeAugmentation);
        Assert.AreNotEqual(1, network.Temperature);
        Assert.AreEqual(network.Temperature, again.Temperature, 0.002 * network.Temperature);
        Assert.AreNotEqual(network.Temperature, plainAgain.Temperature, 0.01 * network.Temperature, "One view would have had another temperature.");
    }

    [TestMethod]
    public void Explain_SeveralViews_ExplainsTheClassThatIsPredicted()
    {
        using ResNetTransformer augmented = s_network.WithTestTimeAugmentation(Context, TestTimeAugmentation.TenCrop);
        float[][] scores = Scores(augmented);
        for (int i = 0; i < Count; i++)
        {
            ImageExplanation explanation = augmented.Explain(s_rows[i].ImagePath);

            Assert.AreEqual(scores[i].Max(), explanation.Score, 1e-5f);
            Assert.AreEqual(augmented.ClassNames[Array.IndexOf(scores[i], scores[i].Max())], explanation.ClassName);
        }
    }

    [TestMethod]
    public void Faults_ImagesWithoutCrops_SayWhy()
    {
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Fit(options => options.ImageSize = 48)).Message,
            "TestTimeAugmentation is FiveCrop, but images of 48 x 48 pixels, 64 or less, are resized to the network's input and not cut; expected None or HorizontalFlip.");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Fit(options => options.ImageFit = ImageFit.Stretch)).Message,
            "TestTimeAugmentation is FiveCrop, but ImageFit is Stretch, which cuts nothing off");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Fit(options => options.TestTimeAugmentation = (TestTimeAugmentation)9)).Message,
            "TestTimeAugmentation is 9; expected None, HorizontalFlip, FiveCrop, TenCrop.");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => s_network.WithTestTimeAugmentation(Context, (TestTimeAugmentation)9));
    }

    [TestMethod]
    public void PixelVectors_MayBeFlippedAndNotCut()
    {
        IDataView rows = Context.Data.LoadFromEnumerable(PixelRows.Create(24));
        IDataView data = Context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        ResNetTrainer.Options options = PixelRows.Options();
        options.TestTimeAugmentation = TestTimeAugmentation.HorizontalFlip;
        using ResNetTransformer network = Context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        using ResNetTransformer plain = network.WithTestTimeAugmentation(Context, TestTimeAugmentation.None);
        float[][] mirrored = Scores(plain, Context.Data.LoadFromEnumerable(PixelRows.Create(24).Select(row => new PixelRow { Label = row.Label, Features = [.. row.Features.Chunk(8).SelectMany(line => line.Reverse())] })));
        float[][] once = Scores(plain, data), both = Scores(network, data);

        for (int i = 0; i < once.Length; i++)
        {
            AssertNear(Average([once[i], mirrored[i]]), both[i], $"row {i}");
        }

        CollectionAssert.AreNotEqual(once[0], both[0]);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => network.WithTestTimeAugmentation(Context, TestTimeAugmentation.TenCrop)).Message,
            "TestTimeAugmentation is TenCrop, but the model takes pixel vectors, which have the size of the network's input");
    }

    private static void Fit(Action<ResNetTrainer.Options> change)
    {
        ResNetTrainer.Options options = Options(TestTimeAugmentation.FiveCrop);
        change(options);
        Context.MulticlassClassification.Trainers.ResNet(options).Fit(s_data).Dispose();
    }

    private static ResNetTrainer.Options Options(TestTimeAugmentation augmentation = TestTimeAugmentation.None) => new()
    {
        FeatureColumnName = "ImagePath",
        Architecture = ResNetArchitecture.ResNet20,
        Epochs = 2,
        BatchSize = 8,
        ImageSize = Size,
        TestTimeAugmentation = augmentation,
    };

    /// <summary>The views as torchvision cuts them, as pixels of 0 to 255, [3, Size, Size].</summary>
    private static IEnumerable<float[]> Views(int image, TestTimeAugmentation augmentation)
        => from crop in augmentation == TestTimeAugmentation.HorizontalFlip ? [CropPosition.Center] : Enum.GetValues<CropPosition>()
           from isFlipped in augmentation == TestTimeAugmentation.FiveCrop ? [false] : new[] { false, true }
           select Pixels(image, crop, isFlipped, isPlanar: true);

    private static float[] Pixels(int image, CropPosition crop, bool isFlipped, bool isPlanar)
    {
        var (width, height) = SizeOf(image);
        int left = crop switch { CropPosition.Center => (width - Size) / 2, CropPosition.TopLeft or CropPosition.BottomLeft => 0, _ => width - Size };
        int top = crop switch { CropPosition.Center => (height - Size) / 2, CropPosition.TopLeft or CropPosition.TopRight => 0, _ => height - Size };
        float[] pixels = new float[3 * Size * Size];
        for (int i = 0; i < Size * Size; i++)
        {
            int x = i % Size, y = i / Size;
            var (red, green, blue) = Colour(image, left + (isFlipped ? Size - 1 - x : x), top + y);
            for (int c = 0; c < 3; c++)
            {
                pixels[isPlanar ? (c * Size * Size) + i : (i * 3) + c] = c switch { 0 => red, 1 => green, _ => blue };
            }
        }

        return pixels;
    }

    private static float[] Average(float[][] scores)
        => Softmax([.. Enumerable.Range(0, scores[0].Length).Select(k => scores.Average(row => Math.Log(row[k])))]);

    private static float[] Softmax(double[] logits)
    {
        double sum = logits.Sum(Math.Exp);
        return [.. logits.Select(value => (float)(Math.Exp(value) / sum))];
    }

    private static void AssertNear(float[] expected, float[] actual, string what, float tolerance = 2e-4f)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], tolerance, what);
        }
    }

    private static float[][] Scores(ResNetTransformer network, IDataView? data = null) => [.. network.Transform(data ?? s_data).GetColumn<float[]>("Score")];

    private static IDataView Data(Row[] rows) => Context.Data.LoadFromEnumerable(rows);

    private static (int Width, int Height) SizeOf(int image) => image % 2 == 0 ? (ShortSide, LongSide) : (LongSide, ShortSide);

    /// <summary>A bright band on one side, by the class, and noise.</summary>
    private static (byte R, byte G, byte B) Colour(int image, int x, int y)
    {
        var (r, g, b) = TestImages.Noise(x + (image * 1000), y);
        bool isBright = image % 3 == 0 ? x < 50 : x > SizeOf(image).Width - 50;
        return isBright ? ((byte)(128 + (r / 2)), g, b) : ((byte)(r / 2), g, (byte)(b / 2));
    }

    private static string Write(int image)
    {
        var (width, height) = SizeOf(image);
        string path = Folder.File($"{image}.png");
        File.WriteAllBytes(path, TestImages.Encode(SKEncodedImageFormat.Png, width, height, (x, y) => Colour(image, x, y)));
        return path;
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        public string ImagePath { get; set; } = "";
    }

    private sealed class Scored
    {
        public float[] Score { get; set; } = [];
    }
}
