using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>A model of images scores paths, files' content and MLImage alike, whichever it was trained on.</summary>
[TestClass]
public sealed class ImageKindsTests
{
    private static readonly TemporaryFolder Folder = new();
    private static readonly MLContext Context = new(1);
    private static ITransformer s_ofPaths = null!;
    private static string[] s_files = [];

    private static string ModelPath => Folder.File("model.zip");

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        IDataView images = Context.Data.LoadImageFolder(Folder.File("images"));
        using var model = Pipeline().Fit(images);
        Context.Model.Save(model, images.Schema, ModelPath);
        s_ofPaths = Context.Model.Load(ModelPath, out _);
        s_files = [.. images.GetColumn<string>("ImagePath")];
    }

    [ClassCleanup]
    public static void Clean()
    {
        (s_ofPaths as IDisposable)?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void Transform_ModelOfPaths_ScoresBytesAndImagesAlike()
    {
        float[][] expected = Scores(s_ofPaths, Paths());

        AssertEqual(expected, Scores(s_ofPaths, Bytes()));
        AssertEqual(expected, Scores(s_ofPaths, Images()));
    }

    [TestMethod]
    public void Transform_ModelOfBytes_ScoresPathsAndImagesAlike()
    {
        using var model = Pipeline().Fit(Bytes());
        float[][] expected = Scores(model, Bytes());

        AssertEqual(expected, Scores(model, Paths()));
        AssertEqual(expected, Scores(model, Images()));
    }

    /// <summary>What a web application does: it has the content of a file, and a model that was trained on a folder.</summary>
    [TestMethod]
    public void PredictionEngine_ModelOfPaths_TakesTheContentOfAFile()
    {
        float[][] expected = Scores(s_ofPaths, Paths());
        using var engine = Context.Model.CreatePredictionEngine<BytesRow, OutputRow>(s_ofPaths, new PredictionEngineOptions { OwnsTransformer = false });

        OutputRow output = engine.Predict(new BytesRow { Content = File.ReadAllBytes(s_files[^1]) });

        // One image at a time and a batch sum in another order.
        Assert.AreEqual(expected[^1][0], output.Score[0], 1e-6f);
        Assert.AreEqual(output.Score[0] > output.Score[1] ? ColourFolder.Red : ColourFolder.Blue, output.PredictedLabel);
    }

    [TestMethod]
    public void Transform_BytesThatAreNoImage_SaysWhichRow()
    {
        IDataView data = Context.Data.LoadFromEnumerable([new BytesRow { Content = File.ReadAllBytes(s_files[0]) }, new BytesRow { Content = "text"u8.ToArray() }]);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Scores(s_ofPaths, data));

        StringAssert.Contains(exception.Message, "row 1");
    }

    [TestMethod]
    public void Transform_PixelVectors_SaysThatImagesAreExpected()
    {
        IDataView pixels = Context.Data.LoadFromEnumerable([new VectorRow()]);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => s_ofPaths.Transform(pixels));

        Assert.AreEqual(
            "Feature column 'ImagePath' has type Vector<Single, 3, 16, 16>, expected Text (the path of an image file), a vector of Byte (the content of one), or MLImage: "
            + "the model was trained on images, not on pixel vectors.",
            exception.Message);
    }

    private static IEstimator<TransformerChain<Microsoft.ML.Transforms.KeyToValueMappingTransformer>> Pipeline() => Context.Transforms.Conversion.MapValueToKey("Label")
        .Append(Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Architecture = ResNetArchitecture.ResNet20,
            Epochs = 1,
            BatchSize = 8,
        }))
        .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

    private static void AssertEqual(float[][] expected, float[][] actual)
        => CollectionAssert.AreEqual(expected.SelectMany(row => row).ToArray(), actual.SelectMany(row => row).ToArray());

    private static float[][] Scores(ITransformer model, IDataView data)
    {
        IDataView scored = model.Transform(data);
        return [.. scored.GetColumn<float[]>(scored.Schema["Score"])];
    }

    private static IDataView Paths() => Context.Data.LoadImageFolder(Folder.File("images"));

    private static IDataView Bytes() => Context.Data.LoadFromEnumerable(s_files.Select(file => new BytesRow
    {
        Content = File.ReadAllBytes(file),
        Label = Path.GetFileName(Path.GetDirectoryName(file)!),
    }).ToArray());

    private static IDataView Images() => Context.Data.LoadFromEnumerable(s_files.Select(file => new ImageRow { Content = MLImage.CreateFromFile(file) }).ToArray());

    private sealed class BytesRow
    {
        [ColumnName("ImagePath")]
        public byte[] Content { get; set; } = [];

        public string Label { get; set; } = "";
    }

    private sealed class ImageRow
    {
        [ColumnName("ImagePath")]
        [ImageType(16, 16)]
        public MLImage? Content { get; set; }

        public string Label { get; set; } = "";
    }

    private sealed class VectorRow
    {
        [ColumnName("ImagePath")]
        [VectorType(3, 16, 16)]
        public float[] Pixels { get; set; } = new float[3 * 16 * 16];

        public string Label { get; set; } = "";
    }

    private sealed class OutputRow
    {
        public float[] Score { get; set; } = [];

        public string PredictedLabel { get; set; } = "";
    }
}
