using Microsoft.ML.Data;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

[TestClass]
public sealed class ResNetTrainerWarmStartTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Fit_FromAModelWithTheSameClasses_KeepsAllOfIt()
    {
        using ResNetTransformer start = Train(Keyed(_context, Create(96)), epochs: 6);
        IDataView test = Keyed(_context, Create(48, seed: 2));

        // A learning rate of almost nothing leaves what was learnt; the classes are in another order.
        IDataView reordered = Keyed(_context, Create(24, seed: 3), "blue", "red", "green");
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Barely()).Fit(reordered, start);

        CollectionAssert.AreEqual(new[] { "blue", "red", "green" }, model.ClassNames.ToArray());
        Assert.AreEqual(start.Specification, model.Specification);
        float[][] before = Scores(start, test), after = Scores(model, test);
        for (int i = 0; i < before.Length; i++)
        {
            Assert.AreEqual(before[i][2], after[i][0], 0.05f);
            Assert.AreEqual(before[i][0], after[i][1], 0.05f);
        }
    }

    [TestMethod]
    public void Fit_FromAModelWithOtherClasses_ReplacesTheHeadAlone()
    {
        using ResNetTransformer start = Train(Keyed(_context, Create(96)), epochs: 2);

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Barely()).Fit(Keyed(_context, Create(24, seed: 3, "one", "two", "three", "four")), start);

        Dictionary<string, float[]> before = SavedWeights.Of(start), after = SavedWeights.Of(model);
        Assert.HasCount(4, model.ClassNames);
        AssertClose(before["layer1.0.conv1.weight"], after["layer1.0.conv1.weight"]);
        Assert.HasCount(4 * 16, after["fc.weight"]);
        Assert.IsTrue(after["fc.weight"].All(float.IsFinite));
        Assert.HasCount(before["conv1.weight"].Length, after["conv1.weight"]);
    }

    [TestMethod]
    public void Fit_GreyImagesFromAModelOfColours_AddsTheFiltersOfTheColours()
    {
        using ResNetTransformer start = Train(Keyed(_context, Create(12)), epochs: 1);
        List<GreyRow> rows = [.. Enumerable.Range(0, 12).Select(i => new GreyRow { Label = i % 2 == 0 ? "a" : "b" })];

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Barely()).Fit(Keyed(_context, rows), start);

        float[] colours = SavedWeights.Of(start)["conv1.weight"], grey = SavedWeights.Of(model)["conv1.weight"];
        Assert.HasCount(colours.Length / 3, grey);

        // [8,3,3,3] to [8,1,3,3]: the first value of the first filter.
        Assert.AreEqual(colours[0] + colours[9] + colours[18], grey[0], 1e-4f);
    }

    [TestMethod]
    public void Fit_FromADisposedModel_SaysSo()
    {
        ResNetTransformer start = Train(Keyed(_context, Create(12)), epochs: 1);
        start.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => _context.MulticlassClassification.Trainers.ResNet(Barely()).Fit(Keyed(_context, Create(12)), start));
    }

    private ResNetTransformer Train(IDataView data, int epochs) => _context.MulticlassClassification.Trainers.ResNet(Options(epochs)).Fit(data);

    private static ResNetTrainer.Options Barely() => new()
    {
        Epochs = 1,
        BatchSize = 24,
        LearningRate = 1e-6,
        WeightAveragingDecay = 0,
        WeightDecay = 0,
        RandomCropPadding = 0,
    };

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-4f, $"value {i}");
        }
    }

    private sealed class GreyRow
    {
        public string Label { get; set; } = "";

        [VectorType(1, 8, 8)]
        public float[] Features { get; set; } = new float[64];
    }
}
