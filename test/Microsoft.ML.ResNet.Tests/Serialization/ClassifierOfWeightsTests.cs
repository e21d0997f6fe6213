using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Serialization;

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
