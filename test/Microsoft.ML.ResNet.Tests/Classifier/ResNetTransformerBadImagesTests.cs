using Microsoft.ML.Data;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Classifier;

/// <summary>What a trained model does with images that can't be read, changed after training.</summary>
[TestClass]
public sealed class ResNetTransformerBadImagesTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void WithBadImages_Skip_GivesNaNAndNoLabelToTheBadRowAlone()
    {
        using ResNetTransformer strict = Trained();
        using ResNetTransformer lenient = strict.WithBadImages(_context, BadImageHandling.Skip);
        using ResNetTransformer loaded = SavedAndLoaded(lenient);
        float[][] expected = Scores(strict, Rows());

        foreach (ResNetTransformer model in (ResNetTransformer[])[lenient, loaded])
        {
            float[][] scores = Scores(model, RowsWithABadOne());

            Assert.AreEqual(BadImageHandling.Skip, model.BadImages);
            Assert.IsTrue(scores[1].All(float.IsNaN));
            CollectionAssert.AreEqual(expected[0], scores[0]);
            CollectionAssert.AreEqual(expected[2], scores[2]);
            CollectionAssert.AreEqual(new uint[] { 0 }, Labels(model, RowsWithABadOne()).Skip(1).Take(1).ToArray(), "a missing key");
        }
    }

    [TestMethod]
    public void WithBadImages_ThrowAgain_NamesTheRow()
    {
        using ResNetTransformer strict = Trained();
        using ResNetTransformer lenient = strict.WithBadImages(_context, BadImageHandling.Skip);
        using ResNetTransformer again = lenient.WithBadImages(_context, BadImageHandling.Throw);

        foreach (ResNetTransformer model in (ResNetTransformer[])[strict, again])
        {
            Assert.AreEqual(BadImageHandling.Throw, model.BadImages);
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => Scores(model, RowsWithABadOne())).Message, "Row 1 has the pixel value NaN");
        }
    }

    [TestMethod]
    public void WithBadImages_NoneOfTheEnumeration_IsRefused()
    {
        using ResNetTransformer model = Trained();

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.WithBadImages(_context, (BadImageHandling)9)).Message, "Expected Throw, Skip.");
    }

    private ResNetTransformer Trained()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.PixelRange = PixelRange.ZeroTo255;
        return _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(8)));
    }

    private ResNetTransformer SavedAndLoaded(ResNetTransformer model)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, inputSchema: null, stream);
        stream.Position = 0;
        return (ResNetTransformer)_context.Model.Load(stream, out _);
    }

    private IDataView Rows() => Keyed(_context, Create(8));

    private IDataView RowsWithABadOne()
    {
        List<PixelRow> rows = Create(8);
        rows[1].Features[5] = float.NaN;
        return Keyed(_context, rows);
    }

    private static float[][] Scores(ResNetTransformer model, IDataView rows) => [.. model.Transform(rows).GetColumn<float[]>("Score")];

    private static uint[] Labels(ResNetTransformer model, IDataView rows) => [.. model.Transform(rows).GetColumn<uint>("PredictedLabel")];
}
