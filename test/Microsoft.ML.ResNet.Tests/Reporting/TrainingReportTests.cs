using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Reporting;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Reporting;

[TestClass]
public sealed partial class TrainingReportTests
{
    /// <summary>A class name that would be markup.</summary>
    private const string Markup = "<b>&amp; 'x'";

    private static readonly TemporaryFolder Folder = new();
    private static readonly MLContext Context = new(1);
    private static TransformerChain<ITransformer> s_model = null!;
    private static List<Row> s_rows = [];

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        s_rows = [.. Directory.GetFiles(Folder.File("images"), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(path => new Row
        {
            ImagePath = path,
            Label = path.Contains(ColourFolder.Red, StringComparison.Ordinal) ? ColourFolder.Red : Markup,
        })];
        s_model = Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.MulticlassClassification.Trainers.ResNet(Options()))
            .Append((IEstimator<ITransformer>)Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(Data(s_rows));
    }

    [ClassCleanup]
    public static void Clean()
    {
        s_model?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void Write_TestDataWithMistakes_HasEverythingAndNothingFromOutside()
    {
        string path = Folder.File("report.html");
        List<Row> test = [.. s_rows];
        test[0] = new Row { ImagePath = test[0].ImagePath, Label = test[0].Label == Markup ? ColourFolder.Red : Markup };
        IDataView scored = s_model.Transform(Data(test));
        MulticlassClassificationMetrics metrics = Context.MulticlassClassification.Evaluate(scored);

        TrainingReport.Write(path, Context, s_model, Data(test), new TrainingReportOptions { Title = "A < B", TrainingData = Data(s_rows), TrainerOptions = Options(), Seed = 7, TrainingTime = TimeSpan.FromSeconds(12.34), SamplesPerClass = 3 });

        string report = File.ReadAllText(path);
        foreach (string heading in (string[])["Training", "Confusion matrix", "Classes", "Most confident mistakes", "Reliability", "Data", "Run", "Options"])
        {
            StringAssert.Contains(report, $"<h2>{heading}</h2>");
        }

        StringAssert.Contains(report, FormattableString.Invariant($"<strong>{metrics.MicroAccuracy * 100:F1} %</strong>"));
        StringAssert.Contains(report, FormattableString.Invariant($"<strong>{metrics.LogLoss:F3}</strong>"));
        StringAssert.Contains(report, "<title>A &lt; B</title>");
        StringAssert.Contains(report, "&lt;b&gt;&amp;amp; &#39;x&#39;");
        Assert.DoesNotContain("<b>", report);
        Assert.HasCount(4, Regex.Matches(report, "<svg "));
        Assert.HasCount(4, Regex.Matches(report, "</svg>"));
        int mistakes = s_rows.Count - (int)Math.Round(metrics.MicroAccuracy * s_rows.Count);
        Assert.IsGreaterThan(0, mistakes);
        // Each mistake has its picture and one of what speaks for the class.
        Assert.HasCount((2 * mistakes) + (2 * 3), Regex.Matches(report, "<img src=\"data:image/jpeg;base64,"));
        StringAssert.Contains(report, "<tr><th scope=\"row\">Seed</th><td>7</td></tr>");
        StringAssert.Contains(report, "<td>12.3 s</td>");
        StringAssert.Contains(report, "<tr><th scope=\"row\">BatchSize</th><td>8</td></tr>");
        StringAssert.Contains(report, "24 training images and 24 test images of 2 classes.");
        StringAssert.Contains(report, "Training images have 16x16 pixels.");
        string[] references = [.. Reference().Matches(report).Select(match => match.Groups[1].Value).Where(value => !value.StartsWith("data:", StringComparison.Ordinal))];
        Assert.IsEmpty(references);
        Assert.DoesNotContain("url(http", report);
        string[] clips = [.. Regex.Matches(report, "<clipPath id=\"([^\"]+)\"").Select(match => match.Groups[1].Value)];
        CollectionAssert.AllItemsAreUnique(clips);
        CollectionAssert.IsSubsetOf(Regex.Matches(report, "url\\(#([^)]+)\\)").Select(match => match.Groups[1].Value).Distinct().ToArray(), clips);
    }

    /// <summary>Data of bytes: the mistakes that are shown are those of the rows.</summary>
    [TestMethod]
    public void Write_ImagesAsBytes_ShowsTheMistakesOfTheRows()
    {
        string path = Folder.File("bytes.html");
        BytesRow[] rows = [.. s_rows.Select(row => new BytesRow { Content = File.ReadAllBytes(row.ImagePath), Label = row.Label })];
        rows[3].Label = rows[3].Label == Markup ? ColourFolder.Red : Markup;

        TrainingReport.Write(path, Context, s_model, Context.Data.LoadFromEnumerable(rows), new TrainingReportOptions { TrainingData = Data(s_rows), SamplesPerClass = 0, MaxMistakes = 100, ExplainMistakes = false });

        string report = File.ReadAllText(path);
        string expected = Thumbnail.DataUri(new ImageContent(null, rows[3].Content))!;
        StringAssert.Contains(report, expected);
        MulticlassClassificationMetrics metrics = Context.MulticlassClassification.Evaluate(s_model.Transform(Context.Data.LoadFromEnumerable(rows)));
        Assert.HasCount((int)Math.Round((1 - metrics.MicroAccuracy) * rows.Length), Regex.Matches(report, "<img "));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void Write_LinkToAPrivateFile_StaysOne()
    {
        using var folder = new TemporaryFolder();
        string target = folder.File("2026-01.html"), link = folder.File("latest.html");
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.WriteAllText(target, "old");
        File.SetUnixFileMode(target, mode);
        File.CreateSymbolicLink(link, target);

        TrainingReport.Write(link, Context, s_model, s_model.Transform(Data(s_rows)));

        Assert.AreEqual(target, new FileInfo(link).LinkTarget);
        Assert.AreEqual(mode, File.GetUnixFileMode(target));
        StringAssert.EndsWith(File.ReadAllText(target).TrimEnd(), "</html>");
        Assert.HasCount(2, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Write_FolderThatIsMissing_NamesThePageAndWhatToDo()
    {
        string path = Path.Combine(Folder.Path, "missing", "report.html");

        string message = Assert.ThrowsExactly<IOException>(() => TrainingReport.Write(path, Context, s_model, s_model.Transform(Data(s_rows)))).Message;

        StringAssert.StartsWith(message, $"File '{path}' can't be written: ");
        StringAssert.EndsWith(message, "Free space there or choose another path for the page.");
    }

    [TestMethod]
    public void Write_ScoredDataAndNoOptions_WritesResultsAlone()
    {
        string path = Folder.File("scored.html");

        TrainingReport.Write(path, Context, s_model, s_model.Transform(Data(s_rows)));

        string report = File.ReadAllText(path);
        Assert.DoesNotContain("<h2>Data</h2>", report);
        Assert.DoesNotContain("<h2>Options</h2>", report);
        StringAssert.Contains(report, "<h2>Confusion matrix</h2>");
        Assert.IsEmpty(Directory.GetFiles(Folder.Path, "scored.html.*.tmp"));
    }

    /// <summary>The key that the model was trained with is a column of its own, which neither data set has.</summary>
    [TestMethod]
    public void Write_KeyInAColumnOfItsOwn_MapsTheTrainingDataToo()
    {
        string path = Folder.File("key.html");
        ResNetTrainer.Options options = Options();
        options.LabelColumnName = "LabelKey";
        options.Epochs = 1;
        using var model = Context.Transforms.Conversion.MapValueToKey("LabelKey", "Label").Append(Context.MulticlassClassification.Trainers.ResNet(options)).Fit(Data(s_rows));

        TrainingReport.Write(path, Context, model, Data(s_rows), new TrainingReportOptions { TrainingData = Data(s_rows), SamplesPerClass = 2, MaxMistakes = 0 });

        string report = File.ReadAllText(path);
        StringAssert.Contains(report, "24 training images and 24 test images of 2 classes.");
        Assert.HasCount(2 * 2, Regex.Matches(report, "<img "));
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => TrainingReport.Write(path, Context, model, Data(s_rows), new TrainingReportOptions { TrainingData = Context.Data.LoadFromEnumerable([new { X = 1 }]) })).Message,
            "no label column 'LabelKey', and the model makes none of them. They have X.");
    }

    /// <summary>Numbers of charts and of texts are the same in every culture.</summary>
    [TestMethod]
    [DataRow("de-DE")]
    [DataRow("tr-TR")]
    [DataRow("ar-SA")]
    [DataRow("fa-IR")]
    public void Write_AnotherCulture_GivesTheSameReport(string culture)
    {
        IDataView scored = Context.Data.Cache(s_model.Transform(Data(s_rows)));
        var curve = new LearningRateCurve([.. Enumerable.Range(0, 50).Select(i => new LearningRatePoint(1e-5 * Math.Pow(1.25, i), 1.45 - (i * 0.01), 1.5 - (i * 0.01)))]);
        var options = new TrainingReportOptions { TrainingData = Data(s_rows), TrainerOptions = Options(), LearningRates = curve, TrainingTime = TimeSpan.FromSeconds(1234.56), MaxMistakes = 3 };
        string expected = Written(CultureInfo.InvariantCulture), actual = Written(CultureInfo.GetCultureInfo(culture));

        Assert.AreEqual(expected, actual);

        string Written(CultureInfo current)
        {
            CultureInfo before = CultureInfo.CurrentCulture;
            CultureInfo.CurrentCulture = current;
            try
            {
                TrainingReport.Write(Folder.File($"{culture}.html"), Context, s_model, scored, options);
            }
            finally
            {
                CultureInfo.CurrentCulture = before;
            }

            return Regex.Replace(File.ReadAllText(Folder.File($"{culture}.html")), @"; \d{4}-\d\d-\d\d \d\d:\d\d</p>", "</p>");
        }
    }

    [TestMethod]
    public void Write_WhatCannotBeReported_SaysWhatIsMissing()
    {
        string path = Folder.File("none.html");
        IDataView data = Data(s_rows);
        ITransformer other = Context.Transforms.CopyColumns("Score", "Label").Fit(data);

        Assert.AreEqual("model", Assert.ThrowsExactly<ArgumentException>(() => TrainingReport.Write(path, Context, other, data)).ParamName);
        ResNetTransformer network = s_model.OfType<ResNetTransformer>().Single();
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => TrainingReport.Write(path, Context, network, data)).Message, "label column 'Label' of type String");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => TrainingReport.Write(path, Context, s_model, data, new TrainingReportOptions { TrainingData = Context.Data.LoadFromEnumerable([new { X = 1 }]) })).Message,
            "no label column 'Label'");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TrainingReport.Write(path, Context, s_model, data, new TrainingReportOptions { MaxMistakes = -1 }));
        Assert.ThrowsExactly<InvalidOperationException>(() => TrainingReport.Write(path, Context, s_model, Data([])));
        Assert.IsFalse(File.Exists(path));
    }

    /// <summary>All eight orientations of EXIF.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    [DataRow(7)]
    [DataRow(8)]
    public void Thumbnail_Orientation_IsUpright(int orientation)
    {
        byte[] jpeg = TestImages.WithOrientation(TestImages.EncodeQuadrants(SKEncodedImageFormat.Jpeg, 96, 64), orientation);

        string uri = Thumbnail.DataUri(new ImageContent(null, jpeg))!;

        using SKBitmap actual = SKBitmap.Decode(Convert.FromBase64String(uri[(uri.IndexOf(',', StringComparison.Ordinal) + 1)..]));
        bool isSideways = orientation >= 5;
        Assert.AreEqual(isSideways ? new SKSizeI(64, 96) : new SKSizeI(96, 64), Thumbnail.SizeOf(new ImageContent(null, jpeg)));
        Assert.AreEqual(isSideways, actual.Height > actual.Width);
        // Where the stored corners lie when the image is shown, by EXIF's definition of the eight values.
        (byte R, byte G, byte B)[] stored = [TestImages.Red, TestImages.Green, TestImages.Blue, TestImages.Yellow];
        int[] order = orientation switch { 2 => [1, 0, 3, 2], 3 => [3, 2, 1, 0], 4 => [2, 3, 0, 1], 5 => [0, 2, 1, 3], 6 => [2, 0, 3, 1], 7 => [3, 1, 2, 0], 8 => [1, 3, 0, 2], _ => [0, 1, 2, 3] };
        SKPointI[] corners = [new(5, 5), new(actual.Width - 6, 5), new(5, actual.Height - 6), new(actual.Width - 6, actual.Height - 6)];
        for (int i = 0; i < 4; i++)
        {
            SKColor color = actual.GetPixel(corners[i].X, corners[i].Y);
            (byte R, byte G, byte B) wanted = stored[order[i]];
            Assert.AreEqual(wanted.R, color.Red, 20d, $"Corner {i}.");
            Assert.AreEqual(wanted.G, color.Green, 20d, $"Corner {i}.");
            Assert.AreEqual(wanted.B, color.Blue, 20d, $"Corner {i}.");
        }
    }

    private static ResNetTrainer.Options Options() => new() { FeatureColumnName = "ImagePath", Architecture = ResNetArchitecture.ResNet20, Epochs = 4, BatchSize = 8 };

    private static IDataView Data(List<Row> rows) => Context.Data.LoadFromEnumerable(rows);

    [GeneratedRegex("(?:src|href)=\"([^\"]*)\"")]
    private static partial Regex Reference();

    private sealed class BytesRow
    {
        [ColumnName("ImagePath")]
        public byte[] Content { get; set; } = [];

        public string Label { get; set; } = "";
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
