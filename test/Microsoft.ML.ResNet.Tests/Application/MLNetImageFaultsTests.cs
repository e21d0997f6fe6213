using static Microsoft.ML.ResNet.Tests.ImageRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>Images that ML.NET's own LoadImages and ResizeImages fail at.</summary>
[TestClass]
public sealed class MLNetImageFaultsTests
{
    private const string Advice =
        "The image of that row is missing, damaged or disposed of, which LoadImages and ResizeImages don't report. "
        + "Remove the row, or leave these transforms out and set FeatureColumnName to the column of the image paths: errors then name the file, and BadImages = Skip leaves it out.";

    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void Cleanup() => _folder.Dispose();

    [TestMethod]
    [DataRow("Image", "text", false)]
    [DataRow("Features", "text", false)]
    [DataRow("Image", "text", true)]
    [DataRow("Features", "text", true)]
    [DataRow("Image", "no path", false)]
    [DataRow("Features", "no path", false)]
    [DataRow("Image", "no path", true)]
    [DataRow("Features", "no path", true)]
    public void Fit_ImageThatResizeImagesFailsAt_NamesRowAndColumnOrIsSkipped(string column, string kind, bool isSkipped)
    {
        IDataView data = Data(Rows(bad: 4, kind));
        ResNetTrainer.Options options = Options(column, epochs: 1);
        options.BadImages = isSkipped ? BadImageHandling.Skip : BadImageHandling.Throw;
        var log = new LogRecorder(_context);

        if (isSkipped)
        {
            _context.MulticlassClassification.Trainers.ResNet(options).Fit(data).Dispose();
            StringAssert.StartsWith(log.Warnings.Single(), $"Of the training set, 1 of 12 images can't be read and are left out. Column '{column}' can't be computed in row 4: {Fault(kind)}. ");
            return;
        }

        string message = Assert.ThrowsExactly<InvalidDataException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data)).Message;
        Assert.AreEqual($"Column '{column}' can't be computed in row 4: {Fault(kind)}. {Advice}", message);
    }

    [TestMethod]
    [DataRow("Image", "text")]
    [DataRow("Features", "text")]
    [DataRow("Image", "no path")]
    [DataRow("Features", "no path")]
    public void Transform_ImageThatResizeImagesFailsAt_SpoilsItsOwnRow(string column, string kind)
    {
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(column, epochs: 1)).Fit(Data(Rows(bad: null)));
        IDataView scored = model.Transform(Data(Rows(bad: 4, kind)));
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["PredictedLabel"]]);
        ValueGetter<uint> getter = cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]);
        uint label = 0;
        for (int row = 0; cursor.MoveNext(); row++)
        {
            Assert.AreEqual(row, cursor.Position);
            if (row == 4)
            {
                Assert.AreEqual(
                    $"Column '{column}' can't be computed in row 4: {Fault(kind)}. {Advice}",
                    Assert.ThrowsExactly<InvalidDataException>(() => getter(ref label)).Message);
                continue;
            }

            getter(ref label);
            Assert.AreNotEqual(0u, label);
        }
    }

    [TestMethod]
    public void Predict_ImageThatResizeImagesFailsAt_NamesColumn()
    {
        IEstimator<ITransformer> pipeline = _context.Transforms.Conversion.MapValueToKey("Label").Append(Images())
            .Append(_context.MulticlassClassification.Trainers.ResNet(Options("Features", epochs: 1)))
            .Append(_context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        ITransformer model = pipeline.Fit(_context.Data.LoadFromEnumerable(Rows(bad: null)));
        using var engine = _context.Model.CreatePredictionEngine<PathRow, PredictionRow>(model);

        string message = Assert.ThrowsExactly<InvalidDataException>(() => engine.Predict(Rows(bad: 0)[0])).Message;

        StringAssert.Matches(message, new System.Text.RegularExpressions.Regex(@"^Column 'Features' can't be computed in row \d+: Invalid input stream contents "));
    }

    private static string Fault(string kind) => kind == "text" ? "Invalid input stream contents (Parameter 'imageStream')" : "Object is disposed";

    private IDataView Data(List<PathRow> rows)
    {
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        return _context.Transforms.Conversion.MapValueToKey("Label").Append(Images()).Fit(data).Transform(data);
    }

    private IEstimator<ITransformer> Images() => _context.Transforms.LoadImages("Loaded", null, "ImagePath")
        .Append(_context.Transforms.ResizeImages("Image", 8, 8, "Loaded"))
        .Append(_context.Transforms.ExtractPixels("Features", "Image"));

    private List<PathRow> Rows(int? bad, string kind = "text")
    {
        List<PathRow> rows = [.. Write(_folder.Path, 12).Select(row => new PathRow { Label = row.Label, ImagePath = row.ImagePath })];
        if (bad is { } index)
        {
            string path = _folder.File("bad.png");
            File.WriteAllText(path, "no image");
            rows[index].ImagePath = kind == "text" ? path : "";
        }

        return rows;
    }

    private sealed class PathRow
    {
        public string Label { get; set; } = "";

        public string ImagePath { get; set; } = "";
    }
}
