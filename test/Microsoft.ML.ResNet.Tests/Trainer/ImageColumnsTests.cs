using Microsoft.ML.Data;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.ImageRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Training and scoring on images in every form that a column can hold them, good and bad.</summary>
[TestClass]
public sealed class ImageColumnsTests
{
    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    public void Fit_PathsBytesAndImages_GiveTheSameModel()
    {
        List<ImageRow> rows = Write(_folder.Path, 24);
        rows.ForEach(row => row.Image = MLImage.CreateFromFile(row.ImagePath));
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        byte[] before = rows[0].Image!.Pixels.ToArray();

        float[] paths = ScoresOf("ImagePath"), bytes = ScoresOf("Content"), images = ScoresOf("Image");

        CollectionAssert.AreEqual(paths, bytes);
        CollectionAssert.AreEqual(paths, images);
        // The caller's images are as they were.
        CollectionAssert.AreEqual(before, rows[0].Image!.Pixels.ToArray());
        rows.ForEach(row => row.Image!.Dispose());

        float[] ScoresOf(string column)
        {
            using var model = (IDisposable)PixelRows.Fit(_context, data, Options(column));
            Assert.AreEqual(14, PixelRows.ResNetOf((ITransformer)model).Preprocessing.Width, "the median short side");
            return [.. PixelRows.Scores((ITransformer)model, data).SelectMany(score => score)];
        }
    }

    [TestMethod]
    [DataRow("ImagePath")]
    [DataRow("Content")]
    [DataRow("Image")]
    public void SaveLoadPredict_EveryColumn_GivesWhatTransformGives(string column)
    {
        List<ImageRow> rows = Write(_folder.Path, 12);
        rows.ForEach(row => row.Image = MLImage.CreateFromFile(row.ImagePath));
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        using var model = (IDisposable)PixelRows.Fit(_context, data, Options(column, epochs: 1));
        _context.Model.Save((ITransformer)model, data.Schema, _folder.File("model.zip"));

        ITransformer loaded = new MLContext().Model.Load(_folder.File("model.zip"), out _);
        using PredictionEngine<ImageRow, PredictionRow> engine = _context.Model.CreatePredictionEngine<ImageRow, PredictionRow>(loaded);

        float[][] expected = PixelRows.Scores((ITransformer)model, data);
        for (int i = 0; i < rows.Count; i++)
        {
            PredictionRow prediction = engine.Predict(rows[i]);
            for (int k = 0; k < 3; k++)
            {
                Assert.AreEqual(expected[i][k], prediction.Score[k], 1e-5f);
            }
        }

        rows.ForEach(row => row.Image!.Dispose());
    }

    [TestMethod]
    public void Fit_LoadImagesPipeline_Works()
    {
        List<ImageRow> rows = Write(_folder.Path, 24);
        IDataView data = _context.Data.LoadFromEnumerable(rows.Select(row => new PathOnly { Label = row.Label, ImagePath = Path.GetRelativePath(_folder.Path, row.ImagePath) }));
        var pipeline = _context.Transforms.Conversion.MapValueToKey("Label")
            .Append(_context.Transforms.LoadImages("Image", _folder.Path, "ImagePath"))
            .Append(_context.MulticlassClassification.Trainers.ResNet(Options("Image", epochs: 6)))
            .Append(_context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        using var model = (IDisposable)pipeline.Fit(data);

        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(((ITransformer)model).Transform(data)).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_TheReadmesPixelPipeline_Works()
    {
        List<ImageRow> rows = Write(_folder.Path, 24);
        IDataView data = _context.Data.LoadFromEnumerable(rows.Select(row => new PathOnly { Label = row.Label, ImagePath = Path.GetRelativePath(_folder.Path, row.ImagePath) }));
        var pipeline = _context.Transforms.Conversion.MapValueToKey("Label")
            .Append(_context.Transforms.LoadImages("Image", _folder.Path, "ImagePath"))
            .Append(_context.Transforms.ResizeImages("Image", 12, 12))
            .Append(_context.Transforms.ExtractPixels("Pixels", "Image"))
            .Append(_context.Transforms.NormalizePixels("Features", "Pixels"))
            .Append(_context.MulticlassClassification.Trainers.ResNet(Options("Features", epochs: 6)))
            .Append(_context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        using var model = (IDisposable)pipeline.Fit(data);

        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(((ITransformer)model).Transform(data)).MicroAccuracy);
    }

    /// <summary>The weights of ImageNet() were trained on pixels of 0 to 255 less a mean; pixels that are normalised as torchvision's weights want them gave features without meaning.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_PixelsNormalizedOtherwiseThanForTheWeights_IsRefused(bool asFeatures)
    {
        List<ImageRow> rows = Write(_folder.Path, 24);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        ResNetTrainer.Options first = Options("ImagePath", epochs: 1);
        (first.ImageSize, first.Mean, first.StandardDeviation) = (12, [0.48f, 0.45f, 0.4f], [1 / 255f, 1 / 255f, 1 / 255f]);
        using var model = (IDisposable)_context.Transforms.Conversion.MapValueToKey("Label").Append(_context.MulticlassClassification.Trainers.ResNet(first)).Fit(data);
        var weights = ResNetWeights.FromTransformer(((IEnumerable<ITransformer>)model).OfType<ResNetTransformer>().Single());

        var refused = Assert.ThrowsExactly<ArgumentException>(() => Fit(mean: null, deviation: null).Dispose());

        Assert.Contains("Column 'Features' is normalised with mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225, but the weights of", refused.Message);
        Assert.Contains("were trained with mean 0.48, 0.45, 0.4 and standard deviation 0.003922, 0.003922, 0.003922.", refused.Message);
        Fit([.. weights.Preprocessing!.Mean], [.. weights.Preprocessing.StandardDeviation]).Dispose();

        IDisposable Fit(float[]? mean, float[]? deviation)
        {
            ResNetTrainer.Options options = Options("Features", epochs: 1);
            (options.Specification, options.PretrainedWeights, options.FineTuning) = (null, weights, FineTuningMode.HeadOnly);
            var pixels = _context.Transforms.LoadImages("Image", _folder.Path, "ImagePath")
                .Append(_context.Transforms.ResizeImages("Image", 12, 12))
                .Append(_context.Transforms.ExtractPixels("Pixels", "Image"))
                .Append(_context.Transforms.NormalizePixels("Features", "Pixels", mean, deviation));
            IEstimator<ITransformer> pipeline = asFeatures
                ? pixels.Append(_context.Transforms.ResNetFeatures("Out", "Features", weights))
                : _context.Transforms.Conversion.MapValueToKey("Label").Append(pixels).Append(_context.MulticlassClassification.Trainers.ResNet(options));
            return (IDisposable)pipeline.Fit(data);
        }
    }

    [TestMethod]
    public void Fit_ImageFolder_IsWhatRelativePathsAreRelativeTo()
    {
        List<ImageRow> rows = Write(_folder.Path, 12);
        rows.ForEach(row => row.ImagePath = Path.GetRelativePath(_folder.Path, row.ImagePath));
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        ResNetTrainer.Options options = Options("ImagePath", epochs: 1);
        options.ImageFolder = _folder.Path;

        using var model = (IDisposable)PixelRows.Fit(_context, data, options);

        float[][] scores = PixelRows.Scores((ITransformer)model, data);
        Assert.HasCount(12, scores);
        _context.Model.Save((ITransformer)model, data.Schema, _folder.File("model.zip"));
        using var loaded = (IDisposable)_context.Model.Load(_folder.File("model.zip"), out _);
        CollectionAssert.AreEqual(scores[3], PixelRows.Scores((ITransformer)loaded, data)[3], "the folder is saved");
        ResNetTransformer network = PixelRows.ResNetOf((ITransformer)loaded);
        Assert.AreEqual(_folder.Path, network.ImageFolder);
        using ResNetFeaturesTransformer features = _context.Transforms.ResNetFeatures("Out", "ImagePath", network).Fit(data);
        Assert.HasCount(12, features.Transform(data).GetColumn<float[]>("Out").ToArray());

        // Elsewhere the application has its images in another place.
        using var moved = new TemporaryFolder();
        ImageRows.Classes.ToList().ForEach(name => Directory.Move(Path.Combine(_folder.Path, name), Path.Combine(moved.Path, name)));
        using ResNetTransformer there = network.WithImageFolder(_context, moved.Path);
        CollectionAssert.AreEqual(scores[3], PixelRows.Scores(there, data)[3]);
        StringAssert.Contains(Assert.ThrowsExactly<DirectoryNotFoundException>(() => PixelRows.Scores((ITransformer)loaded, data)).Message, _folder.Path);
    }

    [TestMethod]
    public void Fit_LittleCacheMemory_GivesTheSameModelThroughAFile()
    {
        List<ImageRow> rows = Write(_folder.Path, 40, width: 120, height: 100);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        _context.TempFilePath = _folder.File("temporary");

        float[] inMemory = ScoresWith(null), inFile = ScoresWith(0);

        CollectionAssert.AreEqual(inMemory, inFile);
        Assert.IsEmpty(Directory.GetFiles(_folder.File("temporary")));

        float[] ScoresWith(long? limit)
        {
            ResNetTrainer.Options options = Options("ImagePath");
            options.CacheMemoryLimit = limit;

            // A choice by time may give the two models other last bits.
            options.ScoringBackend = ScoringBackend.Kernels;
            options.ValidationSet = _context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
            using var model = (IDisposable)PixelRows.Fit(_context, data, options);
            return [.. PixelRows.Scores((ITransformer)model, data).SelectMany(score => score)];
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_CancelledOrFailed_LeavesNoTemporaryFileAndNoTensor()
    {
        List<ImageRow> rows = Write(_folder.Path, 40, width: 120, height: 100);
        _context.TempFilePath = _folder.File("temporary");
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        using var source = new CancellationTokenSource();
        ResNetTrainer.Options options = Options("ImagePath");
        options.CacheMemoryLimit = 0;
        options.CancellationToken = source.Token;
        options.EpochCallback = _ => source.Cancel();
        long tensors = LiveTensors.CountAfterCollection();

        Assert.ThrowsExactly<OperationCanceledException>(() => PixelRows.Fit(_context, data, options));
        File.WriteAllText(rows[^1].ImagePath, "no image");
        Assert.ThrowsExactly<InvalidDataException>(() => PixelRows.Fit(_context, data, Options("ImagePath")));

        Assert.IsEmpty(Directory.GetFiles(_folder.File("temporary")));
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    [DataRow("missing", "missing.png")]
    [DataRow("empty", "empty.png")]
    [DataRow("text", "text.png")]
    [DataRow("truncated", "truncated.png")]
    [DataRow("no path", "Row 4 has an empty image path, expected the path of an image file.")]
    public void Fit_BadFile_IsNamed(string kind, string expected)
    {
        List<ImageRow> rows = Write(_folder.Path, 12);
        rows[4].ImagePath = Bad(kind, rows[4].Content);

        Exception exception = Assert.Throws<Exception>(() => PixelRows.Fit(_context, _context.Data.LoadFromEnumerable(rows), Options("ImagePath")));

        Assert.IsTrue(exception is IOException or InvalidDataException, exception.ToString());
        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    public void Fit_BadFilesSkipped_AreCountedAndNamedOnce()
    {
        var log = new LogRecorder(_context);
        List<ImageRow> rows = Write(_folder.Path, 20);
        string[] kinds = ["missing", "empty", "text", "truncated", "no path"];
        for (int i = 0; i < kinds.Length; i++)
        {
            rows[2 + (3 * i)].ImagePath = Bad(kinds[i], rows[0].Content);
        }

        List<EpochMetrics> epochs = [];
        ResNetTrainer.Options options = Options("ImagePath");
        options.BadImages = BadImageHandling.Skip;
        options.EpochCallback = epochs.Add;

        using var model = (IDisposable)PixelRows.Fit(_context, _context.Data.LoadFromEnumerable(rows), options);

        CollectionAssert.AreEqual(new[] { 15, 15 }, epochs.Select(epoch => epoch.ImageCount).ToArray());
        string warning = log.Warnings.Single();
        StringAssert.StartsWith(warning, "Of the training set, 5 of 20 images can't be read and are left out. ");
        StringAssert.Contains(warning, "missing.png");
        StringAssert.Contains(warning, "truncated.png");
    }

    [TestMethod]
    public void Fit_EveryFileBad_SaysSo()
    {
        List<ImageRow> rows = Write(_folder.Path, 6);
        rows.ForEach(row => row.ImagePath += ".gone");
        ResNetTrainer.Options options = Options("ImagePath");
        options.BadImages = BadImageHandling.Skip;

        string message = Assert.ThrowsExactly<InvalidOperationException>(() => PixelRows.Fit(_context, _context.Data.LoadFromEnumerable(rows), options)).Message;

        StringAssert.StartsWith(message, "No image of column 'ImagePath' can be read. 6 of 6 images can't be read and are left out.");
    }

    [TestMethod]
    public void Score_BadFileBetweenGoodOnes_SpoilsItsOwnRowOnly()
    {
        List<ImageRow> rows = Write(_folder.Path, 12);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        using var throwing = (IDisposable)PixelRows.Fit(_context, data, Options("ImagePath", epochs: 1));
        ResNetTrainer.Options skip = Options("ImagePath", epochs: 1);
        skip.BadImages = BadImageHandling.Skip;
        using var skipping = (IDisposable)PixelRows.Fit(_context, data, skip);
        float[][] good = PixelRows.Scores((ITransformer)skipping, data);
        rows[1].ImagePath = Bad("text", []);
        data = _context.Data.LoadFromEnumerable(rows.Take(3));

        // Skip: NaN and a missing label for the bad row, the others as before.
        IDataView scored = PixelRows.ResNetOf((ITransformer)skipping).Transform(data);
        float[][] scores = [.. scored.GetColumn<float[]>(scored.Schema["Score"])];
        uint[] labels = [.. scored.GetColumn<uint>(scored.Schema["PredictedLabel"])];
        Assert.IsTrue(scores[1].All(float.IsNaN));
        Assert.AreEqual(0u, labels[1]);
        Assert.AreNotEqual(0u, labels[0]);
        for (int k = 0; k < 3; k++)
        {
            Assert.AreEqual(good[0][k], scores[0][k], 1e-5f);
            Assert.AreEqual(good[2][k], scores[2][k], 1e-5f);
        }

        // Throw: the row before is scored, the bad row throws with its path.
        IDataView strict = PixelRows.ResNetOf((ITransformer)throwing).Transform(data);
        using DataViewRowCursor cursor = strict.GetRowCursor([strict.Schema["Score"]]);
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(strict.Schema["Score"]);
        VBuffer<float> score = default;
        Assert.IsTrue(cursor.MoveNext());
        getter(ref score);
        Assert.IsTrue(cursor.MoveNext());
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => getter(ref score)).Message, "text.png");

        // A prediction engine: the same, and the next row is right again.
        using PredictionEngine<ImageRow, PredictionRow> engine = _context.Model.CreatePredictionEngine<ImageRow, PredictionRow>(
            (ITransformer)throwing, new PredictionEngineOptions { OwnsTransformer = false });
        float[] first = engine.Predict(rows[0]).Score, third = engine.Predict(rows[2]).Score;
        StringAssert.Contains(Assert.Throws<Exception>(() => engine.Predict(rows[1])).ToString(), "text.png");
        CollectionAssert.AreEqual(third, engine.Predict(rows[2]).Score);
        CollectionAssert.AreEqual(first, engine.Predict(rows[0]).Score);
    }

    [TestMethod]
    public void Score_ManyRows_ReadsNoMoreThanTwoBatchesAhead()
    {
        using var model = (IDisposable)PixelRows.Fit(_context, _context.Data.LoadFromEnumerable(PixelRows.Create(24)), PixelRows.Options(epochs: 1));
        int read = 0;
        PixelRow row = PixelRows.Create(1)[0];
        IEnumerable<PixelRow> Endless()
        {
            while (true)
            {
                Interlocked.Increment(ref read);
                yield return row;
            }
        }

        IDataView scored = PixelRows.ResNetOf((ITransformer)model).Transform(_context.Data.LoadFromEnumerable(Endless()));
        float[][] scores = [.. scored.GetColumn<float[]>(scored.Schema["Score"]).Take(1000)];

        Assert.HasCount(1000, scores);
        // Two cursors, one of them up to two batches of 64 ahead.
        Assert.IsLessThanOrEqualTo((2 * (1000 + 1)) + (2 * 64), read);
    }

    [TestMethod]
    [DoNotParallelize]
    [TestCategory("Slow")]
    public void Transform_AMillionRows_TakesNoMoreMemoryThanAFew()
    {
        using var model = (IDisposable)PixelRows.Fit(_context, _context.Data.LoadFromEnumerable(PixelRows.Create(24)), PixelRows.Options(epochs: 1));
        PixelRow row = PixelRows.Create(1)[0];
        IDataView scored = PixelRows.ResNetOf((ITransformer)model).Transform(_context.Data.LoadFromEnumerable(Enumerable.Repeat(row, 1_000_000)));
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"]]);
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        VBuffer<float> score = default;
        long early = 0;

        for (int i = 0; cursor.MoveNext(); i++)
        {
            getter(ref score);
            early = i == 50_000 ? Environment.WorkingSet : early;
        }

        Assert.IsLessThan(30L << 20, Environment.WorkingSet - early);
    }

    [TestMethod]
    [DataRow(ImageFit.Stretch)]
    [DataRow(ImageFit.Pad)]
    public void Fit_OtherFits_TrainAndScore(ImageFit fit)
    {
        IDataView data = _context.Data.LoadFromEnumerable(Write(_folder.Path, 24));
        ResNetTrainer.Options options = Options("ImagePath", epochs: 6);
        options.ImageFit = fit;

        using var model = (IDisposable)PixelRows.Fit(_context, data, options);

        Assert.AreEqual(fit, PixelRows.ResNetOf((ITransformer)model).Preprocessing.Fit);
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(((ITransformer)model).Transform(data)).MicroAccuracy);
    }

    private string Bad(string kind, byte[] content)
    {
        string path = _folder.File($"{kind}.png");
        switch (kind)
        {
            case "empty":
                File.WriteAllBytes(path, []);
                break;
            case "text":
                File.WriteAllText(path, "This is no image.");
                break;
            case "truncated":
                File.WriteAllBytes(path, content[..(content.Length / 2)]);
                break;
            case "no path":
                return " ";
        }

        return path;
    }

    private sealed class PathOnly
    {
        public string Label { get; set; } = "";

        public string ImagePath { get; set; } = "";
    }
}
