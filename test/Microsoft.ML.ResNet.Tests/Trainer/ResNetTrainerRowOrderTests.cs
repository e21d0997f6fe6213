using Microsoft.ML.Data;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Sources that give their rows in another order, or other rows, each time they are read.</summary>
[TestClass]
public sealed class ResNetTrainerRowOrderTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow("Features")]
    [DataRow("ImagePath")]
    [DataRow("Content")]
    [DataRow("Image")]
    public void Fit_AnotherOrderEachTime_KeepsLabelsWithTheirImages(string column)
    {
        using var folder = new TemporaryFolder();
        List<AnyRow> rows = Rows(folder.Path);
        var random = new Random(1);
        IDataView data = _context.Data.LoadFromEnumerable(rows.OrderBy(_ => random.Next()));
        IDataView keyed = _context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(data).Transform(data);
        ResNetTrainer.Options options = ImageRows.Options(column, epochs: 12);

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(keyed);

        // Paired by position, labels would be those of other rows, and a third of them right by chance.
        Assert.IsGreaterThan(0.9, model.TrainingHistory[^1].TrainingAccuracy);
        rows.ForEach(row => row.Image?.Dispose());
    }

    [TestMethod]
    public void Fit_ExampleWeightsInAnotherOrder_StayWithTheirRows()
    {
        // Half of the rows have the wrong label and no weight.
        List<AnyRow> rows = [.. Create(24).Select(row => new AnyRow { Label = row.Label, Features = row.Features, Weight = 1 })];
        rows.AddRange(Create(24, seed: 2).Select(row => new AnyRow { Label = Colours[(Array.IndexOf(Colours, row.Label) + 1) % 3], Features = row.Features }));
        var random = new Random(1);
        IDataView data = _context.Data.LoadFromEnumerable(rows.OrderBy(_ => random.Next()));
        IDataView keyed = _context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(data).Transform(data);
        ResNetTrainer.Options options = Options(epochs: 12);
        options.ExampleWeightColumnName = "Weight";

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(keyed);

        IDataView clean = _context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Fit(data).Transform(_context.Data.LoadFromEnumerable(rows.Take(24)));
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(clean)).MicroAccuracy);
    }

    [TestMethod]
    [DataRow("Features", false)]
    [DataRow("Content", false)]
    [DataRow("Image", false)]
    [DataRow("Features", true)]
    public void Fit_FewerRowsTheSecondTime_SaysHowMany(string column, bool inValidation)
    {
        using var folder = new TemporaryFolder();
        List<AnyRow> rows = Rows(folder.Path);
        IDataView all = _context.Data.LoadFromEnumerable(rows);
        ITransformer keys = _context.Transforms.Conversion.MapValueToKey("Label").Fit(all);
        int pass = 0;
        IDataView shrinking = keys.Transform(_context.Data.LoadFromEnumerable(Shrinking()));
        ResNetTrainer.Options options = ImageRows.Options(column, epochs: 1);
        options.ImageSize = column == "Features" ? null : 8;
        options.PixelRange = PixelRange.ZeroTo255;
        options.ValidationSet = inValidation ? shrinking : null;

        string message = Assert.ThrowsExactly<InvalidOperationException>(
            () => _context.MulticlassClassification.Trainers.ResNet(options).Fit(inValidation ? keys.Transform(all) : shrinking)).Message;

        Assert.AreEqual(
            "The data gave 48 rows when label column 'Label' was checked and 20 when its images were read, expected the same rows each time. Keep the rows in a list, or cache them: mlContext.Data.Cache(data), or AppendCacheCheckpoint(mlContext) before the trainer.",
            message);
        rows.ForEach(row => row.Image?.Dispose());

        IEnumerable<AnyRow> Shrinking()
        {
            foreach (AnyRow row in rows.Take(pass++ == 0 ? 48 : 20))
            {
                yield return row;
            }
        }
    }

    [TestMethod]
    public void Fit_OtherClassesTheSecondTime_NamesOne()
    {
        List<PixelRow> first = Create(12, seed: 1, "cat", "dog"), second = Create(12, seed: 1, "cat", "dog");
        second[0].Label = "dog";
        ITransformer keys = _context.Transforms.Conversion.MapValueToKey("Label").Fit(_context.Data.LoadFromEnumerable(first));
        int pass = 0;
        ResNetTrainer.Options options = Options(epochs: 1);
        options.PixelRange = PixelRange.ZeroTo255;

        StringAssert.StartsWith(
            Assert.ThrowsExactly<InvalidOperationException>(
                () => _context.MulticlassClassification.Trainers.ResNet(options).Fit(keys.Transform(_context.Data.LoadFromEnumerable(Changing())))).Message,
            "The data gave 6 rows of class 'cat' when label column 'Label' was checked and 5 when its images were read, expected the same rows each time.");

        IEnumerable<PixelRow> Changing()
        {
            foreach (PixelRow row in pass++ == 0 ? first : second)
            {
                yield return row;
            }
        }
    }

    [TestMethod]
    [DataRow("ImagePath")]
    [DataRow("Features")]
    [DataRow("Content")]
    public void Transform_AnotherOrderEachTime_GivesEachRowItsOwnScore(string column)
    {
        using var folder = new TemporaryFolder();
        List<AnyRow> rows = Rows(folder.Path);
        ITransformer keys = _context.Transforms.Conversion.MapValueToKey("Label").Fit(_context.Data.LoadFromEnumerable(rows));
        IDataView list = keys.Transform(_context.Data.LoadFromEnumerable(rows));
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(ImageRows.Options(column, epochs: 1)).Fit(list);
        Dictionary<string, float[]> expected = Scored(model.Transform(list));
        var random = new Random(1);

        Dictionary<string, float[]> actual = Scored(model.Transform(keys.Transform(_context.Data.LoadFromEnumerable(rows.OrderBy(_ => random.Next())))));

        Assert.HasCount(48, actual);
        foreach (var (path, scores) in actual)
        {
            // Rounding differs with the place in a batch.
            for (int i = 0; i < scores.Length; i++)
            {
                Assert.AreEqual(expected[path][i], scores[i], 1e-5f, path);
            }
        }

        rows.ForEach(row => row.Image?.Dispose());
    }

    private static Dictionary<string, float[]> Scored(IDataView scored)
    {
        Dictionary<string, float[]> scores = [];
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["ImagePath"], scored.Schema["Score"]]);
        ValueGetter<ReadOnlyMemory<char>> getPath = cursor.GetGetter<ReadOnlyMemory<char>>(scored.Schema["ImagePath"]);
        ValueGetter<VBuffer<float>> getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        ReadOnlyMemory<char> path = default;
        VBuffer<float> score = default;
        while (cursor.MoveNext())
        {
            getPath(ref path);
            getScore(ref score);
            scores.Add(path.ToString(), [.. score.DenseValues()]);
        }

        return scores;
    }

    /// <summary>48 pictures in every form that the trainer takes.</summary>
    private static List<AnyRow> Rows(string folder)
    {
        var random = new Random(1);
        return
        [
            .. ImageRows.Write(folder, 48).Select((row, i) => new AnyRow
            {
                Label = row.Label,
                ImagePath = row.ImagePath,
                Content = row.Content,
                Image = MLImage.CreateFromFile(row.ImagePath),
                Features = Pixels(i % 3, random),
            }),
        ];
    }

    private sealed class AnyRow
    {
        public string Label { get; set; } = "";

        public float Weight { get; set; }

        public string ImagePath { get; set; } = "";

        public byte[] Content { get; set; } = [];

        [Microsoft.ML.Transforms.Image.ImageType(1, 1)]
        public MLImage? Image { get; set; }

        [VectorType(3, 8, 8)]
        public float[] Features { get; set; } = [];
    }
}
