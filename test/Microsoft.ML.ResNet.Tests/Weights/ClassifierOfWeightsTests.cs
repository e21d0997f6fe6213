using Microsoft.ML.ResNet.WeightFiles;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Weights;

[TestClass]
public sealed class ClassifierOfWeightsTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void ToClassifier_WeightsOfAFile_ScoreAsTheModelTheyCameFromAndAreSaved()
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 12);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        using var trained = (IDisposable)Fit(_context, data, ImageRows.Options("ImagePath", epochs: 2));
        ResNetTransformer model = ResNetOf((ITransformer)trained);
        model.SaveWeights(folder.File("weights.safetensors"));

        using ResNetTransformer made = ResNetWeights.FromFile(folder.File("weights.safetensors"))
            .ToClassifier(_context, [.. model.ClassNames], "ImagePath", model.Preprocessing.Width);
        _context.Model.Save(made, data.Schema, folder.File("model.zip"));
        ITransformer loaded = new MLContext(2).Model.Load(folder.File("model.zip"), out _);
        using var again = (IDisposable)loaded;

        float[][] expected = Scores((ITransformer)trained, data), scores = Scores(loaded, data);
        for (int i = 0; i < expected.Length; i++)
        {
            CollectionAssert.AreEqual(expected[i], scores[i], $"row {i}");
        }

        CollectionAssert.AreEqual(model.ClassNames.ToArray(), ((ResNetTransformer)loaded).ClassNames.ToArray());
    }

    [TestMethod]
    [DataRow(ImageFit.Stretch)]
    [DataRow(ImageFit.Pad)]
    [DataRow(ImageFit.ShortSideCrop)]
    public void ToClassifier_WhatTheFileSays_IsTakenWithoutArguments(ImageFit fit)
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 12);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        ResNetTrainer.Options options = ImageRows.Options("ImagePath", epochs: 2);
        (options.ImageSize, options.Mean, options.ImageFit) = (32, [0.1f, 0.2f, 0.9f], fit);
        using var trained = (IDisposable)Fit(_context, data, options);
        ResNetTransformer model = ResNetOf((ITransformer)trained);
        model.SaveWeights(folder.File("weights.safetensors"));
        ResNetWeights weights = ResNetWeights.FromFile(folder.File("weights.safetensors"));

        using ResNetTransformer made = weights.ToClassifier(_context);

        Assert.AreEqual(model.Preprocessing, weights.Preprocessing);
        Assert.AreEqual(model.Preprocessing, made.Preprocessing);
        CollectionAssert.AreEqual(model.ClassNames.ToArray(), made.ClassNames.ToArray());
        CollectionAssert.AreEqual(Scores((ITransformer)trained, data).SelectMany(row => row).ToArray(), Scores(made, data).SelectMany(row => row).ToArray());

        using ResNetTransformer other = weights.ToClassifier(_context, ["x", "y", "z"], imageSize: 96, mean: [0.4f, 0.4f, 0.4f]);
        CollectionAssert.AreEqual(new[] { "x", "y", "z" }, other.ClassNames.ToArray());
        Assert.AreEqual(
            model.Preprocessing with { Width = 96, Height = 96, ShortSide = fit == ImageFit.ShortSideCrop ? 110 : 96, Mean = [0.4f, 0.4f, 0.4f] }, other.Preprocessing);
    }

    [TestMethod]
    public void ToClassifier_ClassesOfANumber_KeepTheirType()
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 12);
        IDataView data = _context.Data.LoadFromEnumerable(rows.Select(row => new NumberedRow { Label = 10 * row.Label.Length, ImagePath = row.ImagePath }));
        using var trained = (IDisposable)Fit(_context, data, ImageRows.Options("ImagePath", epochs: 1));
        ResNetOf((ITransformer)trained).SaveWeights(folder.File("weights"));

        using ResNetTransformer made = ResNetWeights.FromFile(folder.File("weights")).ToClassifier(_context);

        Data.VBuffer<int> values = default;
        made.Transform(data).Schema["PredictedLabel"].Annotations.GetValue("KeyValues", ref values);
        CollectionAssert.AreEqual(new[] { 30, 40, 50 }, values.DenseValues().Order().ToArray());
    }

    [TestMethod]
    public void ToClassifier_NoNamesAnywhere_AsksForThem()
    {
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        using var folder = new TemporaryFolder();
        model.SaveWeights(folder.File("weights"));
        ResNetWeights weights = Rewritten(folder.File("weights"), metadata => metadata.Clear());

        Assert.IsNull(weights.ClassNames);
        Assert.IsNull(weights.Preprocessing);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => weights.ToClassifier(_context)).Message, "don't name their classes, and no classNames are given.");
    }

    [TestMethod]
    [DataRow("class_names", "[\"a\",\"b\"]", "it names 2 classes, but its classifier has 3 outputs.")]
    [DataRow("class_names", "[\"a\",null,\"c\"]", "its metadata 'class_names' can't be read: a name is null.")]
    [DataRow("class_names", "{}", "its metadata 'class_names' can't be read:")]
    [DataRow("class_type", "Thing", "its metadata 'class_names' can't be read: The label's type is 'Thing'")]
    [DataRow("preprocessing", "null", "its metadata 'preprocessing' can't be read: it is null.")]
    [DataRow("preprocessing", "{\"width\":1000000,\"height\":8,\"channels\":3,\"fit\":\"Pad\",\"shortSide\":8,\"mean\":[0,0,0],\"standardDeviation\":[1,1,1]}", "the image size is out of range.")]
    [DataRow("preprocessing", "{\"width\":8,\"height\":8,\"channels\":3,\"fit\":\"Pad\",\"shortSide\":8,\"mean\":[0,0,0],\"standardDeviation\":[1,0,1]}", "deviations above 0.")]
    [DataRow("preprocessing", "{\"width\":8,\"height\":8,\"channels\":1,\"fit\":\"Pad\",\"shortSide\":8,\"mean\":[0],\"standardDeviation\":[1]}", "its preprocessing is for images of 1 channels, but its first convolution takes 3.")]
    [DataRow("preprocessing", "{\"width\":8,\"height\":8,\"channels\":3,\"fit\":\"Fold\",\"shortSide\":8,\"mean\":[0,0,0],\"standardDeviation\":[1,1,1]}", "its metadata 'preprocessing' can't be read:")]
    public void FromFile_DamagedMetadata_SaysWhatIsWrong(string key, string value, string expected)
    {
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        using var folder = new TemporaryFolder();
        model.SaveWeights(folder.File("weights"));

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Rewritten(folder.File("weights"), metadata => metadata[key] = value)).Message;

        StringAssert.StartsWith(message, $"Weights file '{folder.File("weights")}' can't be used: ");
        StringAssert.Contains(message, expected);
    }

    private static ResNetWeights Rewritten(string path, Action<Dictionary<string, string>> change)
    {
        byte[] file = File.ReadAllBytes(path);
        using (var stream = new MemoryStream(file))
        using (FileStream target = File.Create(path))
        {
            var (entries, metadata) = SafetensorsHeader.Read(stream);
            var changed = new Dictionary<string, string>(metadata);
            change(changed);
            SafetensorsHeader.Write(target, entries, changed);
            stream.CopyTo(target);
        }

        return ResNetWeights.FromFile(path);
    }

    private sealed class NumberedRow
    {
        public int Label { get; set; }

        public string ImagePath { get; set; } = "";
    }

    [TestMethod]
    public void ToClassifier_WrongClasses_SaysWhatIsExpected()
    {
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(Keyed(_context, Create(12)));
        ResNetWeights weights = ResNetWeights.FromTransformer(model);

        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => weights.ToClassifier(_context, ["a", "b"])).Message,
            "2 class names are given, but the weights of 'the transformer' have 3 classes.");
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => weights.ToClassifier(_context, ["a", "b", "a"])).Message,
            "A class name is empty or occurs twice; expected a name of its own for each class.");
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => weights.ToClassifier(_context, ["a", "b", "c"], mean: [0.5f])).Message,
            "The mean and the standard deviation need 3 finite values each, deviations above 0.");
    }
}
