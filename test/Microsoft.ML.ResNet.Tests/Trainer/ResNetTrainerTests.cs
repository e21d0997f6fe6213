using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

[TestClass]
[DoNotParallelize]
public sealed class ResNetTrainerTests
{
    [TestMethod]
    public void Fit_SeparableImages_LearnsThem()
    {
        var context = new MLContext(1);
        IDataView training = context.Data.LoadFromEnumerable(Create(96, seed: 1)), test = context.Data.LoadFromEnumerable(Create(48, seed: 2));

        using var model = (IDisposable)Fit(context, training, Options(epochs: 6));

        MulticlassClassificationMetrics metrics = context.MulticlassClassification.Evaluate(((ITransformer)model).Transform(test));
        Assert.IsGreaterThan(0.95, metrics.MicroAccuracy);
        Assert.IsLessThan(0.5, metrics.LogLoss);
    }

    [TestMethod]
    [DataRow(ValueToKeyMappingEstimator.KeyOrdinality.ByOccurrence, "dog,cat,ant")]
    [DataRow(ValueToKeyMappingEstimator.KeyOrdinality.ByValue, "ant,cat,dog")]
    public void Fit_KeyOrder_IsTheOrderOfScoresAndAnnotations(ValueToKeyMappingEstimator.KeyOrdinality order, string expected)
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(12, seed: 1, "dog", "cat", "ant"));
        var estimator = context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: order)
            .Append(context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)));

        using TransformerChain<ResNetTransformer> model = estimator.Fit(data);
        DataViewSchema schema = model.GetOutputSchema(data.Schema);

        string[] names = expected.Split(',');
        CollectionAssert.AreEqual(names, TextAnnotation(schema["Score"], "SlotNames"));
        CollectionAssert.AreEqual(names, TextAnnotation(schema["Score"], "TrainingLabelValues"));
        CollectionAssert.AreEqual(names, TextAnnotation(schema["PredictedLabel"], "KeyValues"));
        CollectionAssert.AreEqual(names, model.LastTransformer.ClassNames.ToArray());
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 3), schema["Score"].Type);
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 3), schema["PredictedLabel"].Type);
        Assert.AreEqual("MulticlassClassification", Text(schema["Score"], "ScoreColumnKind"));
        Assert.AreEqual("Score", Text(schema["Score"], "ScoreValueKind"));
        Assert.AreEqual("PredictedLabel", Text(schema["PredictedLabel"], "ScoreValueKind"));
        uint scoreSet = 0, labelSet = 0;
        schema["Score"].Annotations.GetValue("ScoreColumnSetId", ref scoreSet);
        schema["PredictedLabel"].Annotations.GetValue("ScoreColumnSetId", ref labelSet);
        Assert.AreEqual(1u, scoreSet);
        Assert.AreEqual(scoreSet, labelSet);
    }

    [TestMethod]
    public void Fit_LastBatchOfOneRow_LeavesAllFinite()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Rows32(33));
        var options = new ResNetTrainer.Options { Architecture = ResNetArchitecture.ResNet20, Epochs = 1, BatchSize = 32, WarmupEpochs = 0, LearningRate = 0.01 };

        using var model = (IDisposable)Fit(context, data, options);

        ResNetTransformer transformer = ResNetOf((ITransformer)model);
        Assert.IsTrue(Scores((ITransformer)model, data).All(row => row.All(float.IsFinite)));
        Assert.IsTrue(SavedWeights.Of(transformer).Values.All(values => values.All(float.IsFinite)));
    }

    [TestMethod]
    public void Fit_SameSeed_GivesTheSameBits()
    {
        float[][] first = ScoresWithSeed(1), again = ScoresWithSeed(1), other = ScoresWithSeed(2);

        for (int i = 0; i < first.Length; i++)
        {
            CollectionAssert.AreEqual(first[i], again[i]);
        }

        Assert.IsTrue(first.Zip(other).Any(pair => !pair.First.SequenceEqual(pair.Second)));
    }

    [TestMethod]
    public void Fit_SecondTime_BehavesLikeTheFirst()
    {
        var context = new MLContext(1);
        IDataView data = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(Create(16))).Transform(context.Data.LoadFromEnumerable(Create(16)));
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(Options());

        using ResNetTransformer first = trainer.Fit(data), second = trainer.Fit(data);

        CollectionAssert.AreEqual(Scores(first, data).SelectMany(row => row).ToArray(), Scores(second, data).SelectMany(row => row).ToArray());
    }

    [TestMethod]
    public void Fit_AndPredict_LeaveTorchsGlobalRandomStateAlone()
    {
        using torch.Tensor before = torch.random.get_rng_state();
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(8));

        using var model = (IDisposable)Fit(context, data, Options(epochs: 1));
        using PredictionEngine<PixelRow, PredictionRow> engine = PixelRows.CreateEngine(context, (ITransformer)model);
        engine.Predict(Create(1)[0]);

        using torch.Tensor after = torch.random.get_rng_state();
        CollectionAssert.AreEqual(before.bytes.ToArray(), after.bytes.ToArray());
    }

    [TestMethod]
    public void Fit_ChangesNothingInTheOptions()
    {
        var context = new MLContext(1);
        ResNetTrainer.Options options = Options(epochs: 1);
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(options);
        options.FeatureColumnName = "Changed after the trainer was made";

        using var model = (IDisposable)context.Transforms.Conversion.MapValueToKey("Label").Append(trainer).Fit(context.Data.LoadFromEnumerable(Create(8)));

        Assert.IsNull(options.Seed);
        Assert.AreEqual("Features", ((TransformerChain<ResNetTransformer>)model).LastTransformer.FeatureColumnName);
    }

    [TestMethod]
    public void Fit_EveryEpoch_CountsEveryRowOnce()
    {
        var context = new MLContext(1);
        List<EpochMetrics> epochs = [], progress = [];
        ResNetTrainer.Options options = Options(epochs: 3, batchSize: 4);
        options.EpochCallback = epochs.Add;
        options.Progress = new SynchronousProgress(progress.Add);

        using var model = (IDisposable)Fit(context, context.Data.LoadFromEnumerable(Create(10)), options);

        CollectionAssert.AreEqual(new[] { 10, 10, 10 }, epochs.Select(epoch => epoch.ImageCount).ToArray());
        CollectionAssert.AreEqual(new[] { 4, 8, 10, 4, 8, 10, 4, 8, 10 }, progress.Select(step => step.ImageCount).ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(1, 9).Select(step => (long)step).ToArray(), progress.Select(step => step.Step).ToArray());
        CollectionAssert.AreEqual(epochs, ResNetOf((ITransformer)model).TrainingHistory.ToArray());
    }

    [TestMethod]
    public void Fit_ValidationSet_IsScoredAsEvaluateScoresIt()
    {
        var context = new MLContext(1);
        IDataView raw = context.Data.LoadFromEnumerable(Create(64)), rawValidation = context.Data.LoadFromEnumerable(Create(70, seed: 3));
        ITransformer mapping = context.Transforms.Conversion.MapValueToKey("Label").Fit(raw);
        ResNetTrainer.Options options = Options(epochs: 2);
        options.ValidationSet = mapping.Transform(rawValidation);
        options.RestoreBestWeights = false;

        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(options).Fit(mapping.Transform(raw));

        MulticlassClassificationMetrics metrics = context.MulticlassClassification.Evaluate(model.Transform(options.ValidationSet));
        EpochMetrics last = model.TrainingHistory[^1];
        Assert.AreEqual(metrics.MicroAccuracy, last.ValidationAccuracy!.Value, 1e-9);
        Assert.AreEqual(metrics.LogLoss, last.ValidationLoss!.Value, 1e-4);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void GetOutputSchema_AgreesWithTheTransformer(bool hasNumericLabels)
    {
        var context = new MLContext(1);
        List<PixelRow> rows = Create(8);
        IDataView text = context.Data.LoadFromEnumerable(rows), numbers = context.Data.LoadFromEnumerable(rows.Select((row, i) => new NumberedRow { Label = i % 3, Features = row.Features }));
        IDataView raw = hasNumericLabels ? numbers : text;
        IDataView data = context.Transforms.Conversion.MapValueToKey("Label").Fit(raw).Transform(raw);
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1));

        using ResNetTransformer model = trainer.Fit(data);

        string[] promised = Describe(trainer.GetOutputSchema(MLNet.SchemaShapesTests.ShapeOf(data)));
        string[] given = Describe(MLNet.SchemaShapesTests.ShapeOf(model.Transform(data)));
        CollectionAssert.AreEquivalent(promised, given);

        static string[] Describe(SchemaShape shape)
            => [.. shape.Select(column => $"{column.Name} {column.Kind} {column.ItemType} {column.IsKey} {string.Join(",", column.Annotations.Select(a => $"{a.Name} {a.Kind} {a.ItemType}").Order())}")];
    }

    [TestMethod]
    public void Fit_OneEpoch_WorksWithEveryOtherDefault()
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(8));

        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(architecture: ResNetArchitecture.ResNet20, epochs: 1).Fit(data);

        Assert.AreEqual(ResNetArchitecture.ResNet20, model.Architecture);
        Assert.HasCount(1, model.TrainingHistory);
    }

    [TestMethod]
    public void CrossValidate_OnThePipeline_Works()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(60));
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(context.MulticlassClassification.Trainers.ResNet(Options(epochs: 4)));

        var results = context.MulticlassClassification.CrossValidate(data, pipeline, numberOfFolds: 3);

        Assert.HasCount(3, results);
        Assert.IsTrue(results.All(result => result.Metrics.MicroAccuracy > 0.6), string.Join(", ", results.Select(result => result.Metrics.MicroAccuracy)));
    }

    [TestMethod]
    public void Fit_InterleavedOneChannelPixels_LearnsThem()
    {
        var context = new MLContext(1);
        var random = new Random(1);
        List<GreyRow> rows = [.. Enumerable.Range(0, 64).Select(i => new GreyRow { Label = i % 2, Features = [.. Enumerable.Range(0, 64).Select(p => (float)random.Next(i % 2 == 0 ? 0 : 80, i % 2 == 0 ? 176 : 256))] })];
        IDataView data = context.Data.LoadFromEnumerable(rows);

        using var model = (IDisposable)Fit(context, data, Options(epochs: 6));

        ResNetTransformer transformer = ResNetOf((ITransformer)model);
        Assert.AreEqual(1, transformer.Preprocessing.Channels);
        CollectionAssert.AreEqual(new[] { "0", "1" }, transformer.ClassNames.ToArray());
        Assert.IsGreaterThan(0.9, context.MulticlassClassification.Evaluate(((ITransformer)model).Transform(data)).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_PlanarAndInterleavedPixels_GiveTheSameModel()
    {
        var context = new MLContext(1);
        List<PixelRow> planar = Create(16);
        List<InterleavedRow> interleaved = [.. planar.Select(row => new InterleavedRow { Label = row.Label, Features = [.. Enumerable.Range(0, 192).Select(i => row.Features[((i % 3) * 64) + (i / 3)])] })];
        IDataView first = context.Data.LoadFromEnumerable(planar), second = context.Data.LoadFromEnumerable(interleaved);

        using IDisposable a = (IDisposable)Fit(context, first, Options()), b = (IDisposable)Fit(context, second, Options());

        float[] expected = [.. Scores((ITransformer)a, first).SelectMany(row => row)], actual = [.. Scores((ITransformer)b, second).SelectMany(row => row)];
        for (int i = 0; i < expected.Length; i++)
        {
            // The layout of the input in memory may choose another summation order.
            Assert.AreEqual(expected[i], actual[i], 1e-5f);
        }
    }

    private static float[][] ScoresWithSeed(int seed)
    {
        var context = new MLContext(seed);
        IDataView data = context.Data.LoadFromEnumerable(Create(24));
        using var model = (IDisposable)Fit(context, data, Options());
        return Scores((ITransformer)model, data);
    }

    private static IEnumerable<Row32> Rows32(int count)
    {
        var random = new Random(1);
        return Enumerable.Range(0, count).Select(i => new Row32 { Label = i % 2 == 0 ? "a" : "b", Features = [.. Enumerable.Range(0, 3 * 32 * 32).Select(_ => (float)random.Next(256))] }).ToList();
    }

    private static string[] TextAnnotation(DataViewSchema.Column column, string kind)
    {
        VBuffer<ReadOnlyMemory<char>> buffer = default;
        column.Annotations.GetValue(kind, ref buffer);
        return [.. buffer.DenseValues().Select(text => text.ToString())];
    }

    private static string Text(DataViewSchema.Column column, string kind)
    {
        ReadOnlyMemory<char> text = default;
        column.Annotations.GetValue(kind, ref text);
        return text.ToString();
    }

    private sealed class NumberedRow
    {
        public int Label { get; set; }

        [VectorType(3, 8, 8)]
        public float[] Features { get; set; } = [];
    }

    private sealed class GreyRow
    {
        public int Label { get; set; }

        [VectorType(8, 8, 1)]
        public float[] Features { get; set; } = [];
    }

    private sealed class InterleavedRow
    {
        public string Label { get; set; } = "";

        [VectorType(8, 8, 3)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Row32
    {
        public string Label { get; set; } = "";

        [VectorType(3, 32, 32)]
        public float[] Features { get; set; } = [];
    }
}
