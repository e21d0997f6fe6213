using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.Trainers;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Features;

[TestClass]
public sealed class ResNetFeaturesTests
{
    [TestMethod]
    public void Transform_PathsBytesAndPixels_GivesVectorsOfKnownSizeThatSurviveSaveAndLoad()
    {
        var context = new MLContext(seed: 1);
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 9);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        foreach (string column in new[] { "ImagePath", "Content" })
        {
            using ResNetFeaturesTransformer transformer = context.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
            {
                OutputColumnName = "Embedding",
                InputColumnName = column,
                Weights = Weights(),
                ImageSize = 16,
            }).Fit(data);
            string path = folder.File("model.zip");
            context.Model.Save(transformer, data.Schema, path);

            float[][] features = Features(transformer, data);
            ITransformer loaded = new MLContext().Model.Load(path, out _);
            using var disposable = (IDisposable)loaded;

            Assert.AreEqual(16, transformer.FeatureCount);
            Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 16), transformer.GetOutputSchema(data.Schema)["Embedding"].Type);
            Assert.HasCount(9, features);
            Assert.IsTrue(features.All(vector => vector.Length == 16 && vector.All(float.IsFinite) && vector.Any(value => value != 0)));
            float[][] again = Features(loaded, data);
            for (int i = 0; i < features.Length; i++)
            {
                CollectionAssert.AreEqual(features[i], again[i], column);
            }
        }
    }

    [TestMethod]
    public void CreatePredictionEngine_RowByRow_GivesWhatBatchesGive()
    {
        var context = new MLContext(seed: 1);
        List<PixelRow> rows = PixelRows.Create(8);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        using ResNetFeaturesTransformer transformer = context.Transforms.ResNetFeatures("Embedding", "Features", Weights()).Fit(data);
        float[][] batched = Features(transformer, data);
        using var engine = context.Model.CreatePredictionEngine<PixelRow, EmbeddingRow>(transformer, new PredictionEngineOptions { OwnsTransformer = false });

        for (int i = 0; i < rows.Count; i++)
        {
            float[] single = engine.Predict(rows[i]).Embedding;
            for (int j = 0; j < single.Length; j++)
            {
                // A batch of another size may add in another order.
                Assert.AreEqual(batched[i][j], single[j], 1e-4f);
            }
        }
    }

    [TestMethod]
    public void Transform_OfAClassifier_GivesFeaturesThatItsOwnHeadReads()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(24));
        ITransformer model = PixelRows.Fit(context, data, PixelRows.Options(epochs: 1));
        using var owner = (IDisposable)model;
        ResNetTransformer classifier = PixelRows.ResNetOf(model);
        using ResNetFeaturesTransformer transformer = context.Transforms.ResNetFeatures("Embedding", "Features", classifier).Fit(data);
        ResNetWeights weights = ResNetWeights.FromTransformer(classifier);
        float[] head = weights.Tensors.Single(tensor => tensor.Name == "fc.weight").ToSingle(), bias = weights.Tensors.Single(tensor => tensor.Name == "fc.bias").ToSingle();

        float[][] features = Features(transformer, data), scores = PixelRows.Scores(model, data);

        for (int row = 0; row < features.Length; row++)
        {
            double[] exponentials = [.. bias.Select((shift, k) => Math.Exp(shift + features[row].Select((value, j) => (double)value * head[(k * features[row].Length) + j]).Sum()))];
            for (int k = 0; k < exponentials.Length; k++)
            {
                Assert.AreEqual(exponentials[k] / exponentials.Sum(), scores[row][k], 1e-5);
            }
        }
    }

    [TestMethod]
    public void Fit_WithSdcaOnTop_LearnsImagesThatTheNetworkNeverSaw()
    {
        var context = new MLContext(seed: 1);
        IDataView training = context.Data.LoadFromEnumerable(PixelRows.Create(60)), test = context.Data.LoadFromEnumerable(PixelRows.Create(30, seed: 2));
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.Transforms.ResNetFeatures("Embedding", "Features", Weights()))
            .AppendCacheCheckpoint(context)
            .Append(context.MulticlassClassification.Trainers.SdcaMaximumEntropy(featureColumnName: "Embedding"));
        using var model = pipeline.Fit(training);
        using var folder = new TemporaryFolder();
        context.Model.Save(model, training.Schema, folder.File("model.zip"));
        ITransformer loaded = new MLContext().Model.Load(folder.File("model.zip"), out _);
        using var owner = (IDisposable)loaded;

        Assert.IsGreaterThan(0.9, context.MulticlassClassification.Evaluate(loaded.Transform(test)).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_WithKMeansOnTop_Clusters()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(30));
        using var model = context.Transforms.ResNetFeatures("Embedding", "Features", Weights())
            .Append(context.Clustering.Trainers.KMeans(new KMeansTrainer.Options { FeatureColumnName = "Embedding", NumberOfClusters = 3, NumberOfThreads = 1 }))
            .Fit(data);

        IDataView clustered = model.Transform(data);

        Assert.IsGreaterThan(1, clustered.GetColumn<uint>("PredictedLabel").Distinct().Count());
    }

    [TestMethod]
    public void Transform_BadImages_AreThrownOrNaN()
    {
        var context = new MLContext(seed: 1);
        ImageRow[] rows = [new() { ImagePath = "nowhere.png" }];
        IDataView data = context.Data.LoadFromEnumerable(rows);
        using ResNetFeaturesTransformer throwing = context.Transforms.ResNetFeatures("Embedding", "ImagePath", Weights()).Fit(data);
        using ResNetFeaturesTransformer skipping = context.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = "Embedding",
            Weights = Weights(),
            BadImages = BadImageHandling.Skip,
        }).Fit(data);

        Assert.ThrowsExactly<FileNotFoundException>(() => Features(throwing, data));
        Assert.IsTrue(Features(skipping, data)[0].All(float.IsNaN));
        Assert.AreEqual(32, skipping.Preprocessing.Width);
    }

    [TestMethod]
    public void Transform_OfAClassifierThatSkips_GivesNaN()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable([new ImageRow { ImagePath = "nowhere.png" }]);
        using ResNetTransformer throwing = Weights().ToClassifier(context, ["a", "b", "c", "d", "e"]);
        using ResNetTransformer skipping = throwing.WithBadImages(context, BadImageHandling.Skip);
        using ResNetFeaturesTransformer strict = context.Transforms.ResNetFeatures("Embedding", "ImagePath", throwing).Fit(data);
        using ResNetFeaturesTransformer lenient = context.Transforms.ResNetFeatures("Embedding", "ImagePath", skipping).Fit(data);

        Assert.ThrowsExactly<FileNotFoundException>(() => Features(strict, data));
        Assert.IsTrue(Features(lenient, data)[0].All(float.IsNaN));
    }

    [TestMethod]
    [DoNotParallelize]
    public void Transform_FromManyThreadsAndAfterDispose_IsSafe()
    {
        var context = new MLContext(seed: 1);
        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(12));
        long before = LiveTensors.CountAfterCollection();
        ResNetFeaturesTransformer transformer = context.Transforms.ResNetFeatures("Embedding", "Features", Weights()).Fit(data);
        float[][] expected = Features(transformer, data);

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => CollectionAssert.AreEqual(expected[^1], Features(transformer, data)[^1]));
        transformer.Dispose();

        var exception = Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.Transform(data));
        Assert.AreEqual(nameof(ResNetFeaturesTransformer), exception.ObjectName);
        Assert.AreEqual(before, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void ResNetFeatures_FaultyOptionsAndColumns_AreAllNamed()
    {
        var context = new MLContext(seed: 1);
        var options = new ResNetFeaturesEstimator.Options { OutputColumnName = "", ImageSize = 1 };
        Assert.AreEqual(
            "The options of ResNetFeatures can't be used: Weights is null, expected weights such as those of ResNetWeights.FromFile. OutputColumnName is empty. ImageSize is 1, expected 8 to 4096.",
            Assert.ThrowsExactly<ArgumentException>(() => context.Transforms.ResNetFeatures(options)).Message);

        IDataView data = context.Data.LoadFromEnumerable(PixelRows.Create(3));
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(context.Transforms.ResNetFeatures("Embedding", "Label", Weights()));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => pipeline.Fit(data)).Message, "Column 'Label' has type Key<UInt32");
    }

    private static float[][] Features(ITransformer transformer, IDataView data)
    {
        IDataView transformed = transformer.Transform(data);
        return [.. transformed.GetColumn<float[]>(transformed.Schema["Embedding"])];
    }

    /// <summary>A network that was never trained: even its features tell the three colours apart.</summary>
    private static ResNetWeights Weights()
    {
        using var network = new ResidualNetwork(PixelRows.TinyNetwork, 3, 5, seed: 1);
        GoldenFill.Fill(network);
        using var folder = new TemporaryFolder();
        using (FileStream stream = File.Create(folder.File("weights")))
        {
            NetworkWeights.Write(network, stream);
        }

        return ResNetWeights.FromFile(folder.File("weights"));
    }

    private sealed class EmbeddingRow
    {
        public float[] Embedding { get; set; } = [];
    }
}
