using Microsoft.ML.Data;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Scoring and validation on pixel vectors that mean something else than those of the training: their scores would mean nothing.</summary>
[TestClass]
public sealed class PixelColumnsTests
{
    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    public void Transform_PixelsInAnotherOrder_IsRefused()
    {
        using ResNetTransformer model = Fit(Keyed(_context, Create(24)));

        string message = Assert.ThrowsExactly<ArgumentException>(() => model.Transform(Keyed(_context, Interleaved()))).Message;

        Assert.AreEqual("Feature column 'Features' has type Vector<Single, 8, 8, 3>, expected a vector of 192 Single (pixels 3 x 8 x 8), as in the data that the model was trained on.", message);
        IDataView flat = Keyed(_context, Create(24).Select(row => new FlatRow { Label = row.Label, Features = row.Features }).ToList());
        CollectionAssert.AreEqual(Scores(model, Keyed(_context, Create(24)))[5], Scores(model, flat)[5]);
    }

    [TestMethod]
    public void Fit_ValidationSetInAnotherOrder_IsRefused()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationSet = Keyed(_context, Interleaved());

        string message = Assert.ThrowsExactly<ArgumentException>(() => Fit(Keyed(_context, Create(24)), options)).Message;

        StringAssert.StartsWith(message, "Feature column of the validation set 'Features' has type Vector<Single, 8, 8, 3>, expected a vector of 192 Single (pixels 3 x 8 x 8), as in the training set.");
    }

    [TestMethod]
    public void Transform_PixelsNormalizedWithOtherNumbers_IsRefused()
    {
        IDataView raw = Keyed(_context, Create(24));
        using LoadedModel loaded = Loaded(Fit(Normalized(raw)), Normalized(raw));

        string message = Assert.ThrowsExactly<ArgumentException>(() => loaded.Value.Transform(Normalized(raw, 0.5f, 0.5f))).Message;

        Assert.AreEqual(
            "Feature column 'Features' is normalised with mean 0.5, 0.5, 0.5 and standard deviation 0.5, 0.5, 0.5, expected mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225, "
                + "as in the data that the model was trained on. Give these to NormalizePixels, or transform the data with the fitted pipeline.",
            message);
        Assert.HasCount(24, Scores(loaded.Value, Normalized(raw)));
    }

    [TestMethod]
    public void Transform_RawPixelsForAModelOfNormalizedOnes_AreRefused()
    {
        IDataView raw = Keyed(_context, Create(24));
        using LoadedModel loaded = Loaded(Fit(Normalized(raw)), Normalized(raw));

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Scores(loaded.Value, raw)).Message;

        StringAssert.Matches(message, new("^Row 0 has the pixel value \\d+ in column 'Features', but the values of the training data, which were normalised, were -2\\.\\d+ to 2\\.\\d+\\. Normalise the pixels as the training data's were, for instance with the same NormalizePixels\\.$"));
    }

    [TestMethod]
    public void Fit_RawValidationSetForNormalizedTraining_IsRefused()
    {
        IDataView raw = Keyed(_context, Create(24));
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationSet = raw;

        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => Fit(Normalized(raw), options)).Message, "Row 0 has the pixel value ");
    }

    /// <summary>Own arithmetic has no record, and test images may be brighter than any of training.</summary>
    [TestMethod]
    public void Transform_ValuesSomewhatBeyondTheTrainingData_AreScored()
    {
        IDataView Scaled(float factor) => Keyed(_context, Create(24).Select(row => new PixelRow { Label = row.Label, Features = [.. row.Features.Select(value => ((value / 255) - 0.5f) * factor)] }).ToList());
        using ResNetTransformer model = Fit(Scaled(1));

        Assert.HasCount(24, Scores(model, Scaled(3)));
        Assert.ThrowsExactly<InvalidDataException>(() => Scores(model, Scaled(100)));
    }

    [TestMethod]
    public void Features_PixelsOfAnotherOrderOrNormalization_AreRefused()
    {
        IDataView raw = Keyed(_context, Create(24));
        using ResNetTransformer model = Fit(raw);
        using ResNetFeaturesTransformer features = _context.Transforms.ResNetFeatures("Out", "Features", ResNetWeights.FromTransformer(model)).Fit(Normalized(raw));

        Assert.ThrowsExactly<ArgumentException>(() => features.Transform(Keyed(_context, Interleaved())));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => features.Transform(Normalized(raw, 0.5f, 0.5f))).Message, "is normalised with mean 0.5, 0.5, 0.5");
    }

    private ResNetTransformer Fit(IDataView data, ResNetTrainer.Options? options = null) => _context.MulticlassClassification.Trainers.ResNet(options ?? Options(epochs: 1)).Fit(data);

    private IDataView Normalized(IDataView raw, float? mean = null, float? deviation = null)
        => _context.Transforms.NormalizePixels("Features", "Features", mean is { } m ? [m, m, m] : null, deviation is { } d ? [d, d, d] : null).Fit(raw).Transform(raw);

    private LoadedModel Loaded(ResNetTransformer model, IDataView data)
    {
        using (model)
        {
            _context.Model.Save(model, data.Schema, _folder.File("model.zip"));
        }

        return new(_context.Model.Load(_folder.File("model.zip"), out _));
    }

    private static List<InterleavedRow> Interleaved()
        => [.. Create(24).Select(row => new InterleavedRow { Label = row.Label, Features = [.. Enumerable.Range(0, 192).Select(i => row.Features[(i % 3 * 64) + (i / 3)])] })];

    private sealed record LoadedModel(ITransformer Value) : IDisposable
    {
        public void Dispose() => (Value as IDisposable)?.Dispose();
    }

    private sealed class InterleavedRow
    {
        public string Label { get; set; } = "";

        [VectorType(8, 8, 3)]
        public float[] Features { get; set; } = [];
    }

    private sealed class FlatRow
    {
        public string Label { get; set; } = "";

        [VectorType(192)]
        public float[] Features { get; set; } = [];
    }
}
