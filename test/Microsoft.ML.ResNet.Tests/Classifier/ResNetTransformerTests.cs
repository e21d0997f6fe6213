using Microsoft.ML.Data;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Classifier;

[TestClass]
public sealed class ResNetTransformerTests
{
    private static readonly MLContext Context = new(1);
    private static IDataView s_data = null!;
    private static ITransformer s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_data = Context.Data.LoadFromEnumerable(Create(70));
        s_model = Fit(Context, s_data, Options(epochs: 2));
    }

    [ClassCleanup]
    public static void Free() => ((IDisposable)s_model).Dispose();

    [TestMethod]
    public void Score_IsAProbabilityDistribution()
    {
        foreach (float[] score in Scores(s_model, s_data))
        {
            Assert.AreEqual(1, score.Sum(value => (double)value), 1e-5);
            Assert.IsTrue(score.All(value => value is >= 0 and <= 1));
        }
    }

    [TestMethod]
    public void Score_KnownLogits_IsTheirSoftmax()
    {
        // The head alone decides where its weight is zero: logits are its bias, 2, 1, 0.
        using ResNetTransformer model = WithHead([2, 1, 0]);

        float[] score = Scores(model, Context.Data.LoadFromEnumerable(Create(1)))[0];

        Assert.AreEqual(0.66524094f, score[0], 1e-6f);
        Assert.AreEqual(0.24472848f, score[1], 1e-6f);
        Assert.AreEqual(0.09003057f, score[2], 1e-6f);
    }

    [TestMethod]
    public void PredictedLabel_IsTheHighestScore()
    {
        foreach (PredictionRow row in Context.Data.CreateEnumerable<PredictionRow>(s_model.Transform(s_data), reuseRowObject: false))
        {
            Assert.AreEqual(Colours[Array.IndexOf(row.Score, row.Score.Max())], row.PredictedLabel);
        }
    }

    [TestMethod]
    public void PredictionEngine_GivesWhatTransformGives()
    {
        using PredictionEngine<PixelRow, PredictionRow> engine = PixelRows.CreateEngine(Context, s_model);
        float[][] expected = Scores(s_model, s_data);
        List<PixelRow> rows = Create(70);

        for (int i = 0; i < rows.Count; i++)
        {
            float[] actual = engine.Predict(rows[i]).Score;
            for (int k = 0; k < actual.Length; k++)
            {
                // Batches of another size are summed in another order.
                Assert.AreEqual(expected[i][k], actual[k], 1e-5f);
            }
        }
    }

    [TestMethod]
    public void Transform_ColumnsOfTheInput_PassThroughInStep()
    {
        IDataView scored = s_model.Transform(s_data);
        string[] labels = [.. scored.GetColumn<ReadOnlyMemory<char>>(scored.Schema["PredictedLabel"]).Select(text => text.ToString())];
        List<PixelRow> rows = Create(70);
        int row = 0;

        foreach (Scored item in Context.Data.CreateEnumerable<Scored>(scored, reuseRowObject: false))
        {
            CollectionAssert.AreEqual(rows[row].Features, item.Features);
            Assert.AreEqual(labels[row], item.PredictedLabel);
            row++;
        }

        Assert.AreEqual(70, row);
        Assert.AreEqual(s_data.GetRowCount(), scored.GetRowCount());
    }

    [TestMethod]
    public void Transform_ShuffledInput_ScoresTheRowsTheyBelongTo()
    {
        IDataView shuffled = Context.Data.ShuffleRows(s_data, seed: 3);
        ResNetTransformer model = ResNetOf(s_model);
        IDataView scored = model.Transform(shuffled);
        using DataViewRowCursor cursor = scored.GetRowCursor(scored.Schema, new Random(5));
        ValueGetter<VBuffer<float>> features = cursor.GetGetter<VBuffer<float>>(scored.Schema["Features"]), score = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        var rows = Create(70);
        float[][] expected = Scores(model, s_data);
        VBuffer<float> pixels = default, values = default;
        int count = 0;

        while (cursor.MoveNext())
        {
            features(ref pixels);
            score(ref values);
            int original = rows.FindIndex(row => row.Features.AsSpan().SequenceEqual(pixels.GetValues()));
            for (int k = 0; k < 3; k++)
            {
                Assert.AreEqual(expected[original][k], values.GetItemOrDefault(k), 1e-5f);
            }

            count++;
        }

        Assert.AreEqual(70, count);
    }

    [TestMethod]
    public void Transform_NoScoreAskedFor_ScoresNothing()
    {
        int reads = 0;
        var rows = Create(10).Select(row => new CountingRow(row, () => reads++));
        IDataView scored = ResNetOf(s_model).Transform(Context.Data.LoadFromEnumerable(rows));

        Assert.HasCount(10, scored.GetColumn<string>(scored.Schema["Label"]).ToArray());
        Assert.AreEqual(0, reads);
        Assert.HasCount(10, scored.GetColumn<uint>(scored.Schema["PredictedLabel"]).ToArray());
        Assert.AreEqual(10, reads);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Score_FromManyThreads_IsTheSameAndLeavesNoTensor()
    {
        float[][] expected = Scores(s_model, s_data);
        List<PixelRow> rows = Create(70);
        using PredictionEngine<PixelRow, PredictionRow> reference = PixelRows.CreateEngine(Context, s_model);
        float[][] single = [.. rows.Select(row => reference.Predict(row).Score)];
        long tensors = LiveTensors.CountAfterCollection();

        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 64 }, i =>
        {
            if (i % 2 == 0)
            {
                using PredictionEngine<PixelRow, PredictionRow> engine = PixelRows.CreateEngine(Context, s_model);
                CollectionAssert.AreEqual(single[i], engine.Predict(rows[i]).Score);
            }
            else
            {
                CollectionAssert.AreEqual(expected.SelectMany(row => row).ToArray(), Scores(s_model, s_data).SelectMany(row => row).ToArray());
            }
        });

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    [DoNotParallelize]
    public void TrainingAndPredicting_Long_LeaveNoTensor()
    {
        IDataView data = Context.Data.LoadFromEnumerable(Create(64));
        using PredictionEngine<PixelRow, PredictionRow> engine = PixelRows.CreateEngine(Context, s_model);
        PixelRow row = Create(1)[0];
        engine.Predict(row);
        ((IDisposable)Fit(Context, data, Options(epochs: 1))).Dispose();
        long tensors = LiveTensors.CountAfterCollection();
        var steps = new List<long>();
        ResNetTrainer.Options options = Options(epochs: 50, batchSize: 16);
        options.Progress = new SynchronousProgress(_ => steps.Add(torch.Tensor.TotalCount));

        ((IDisposable)Fit(Context, data, options)).Dispose();
        for (int i = 0; i < 2000; i++)
        {
            engine.Predict(row);
        }

        Assert.HasCount(200, steps);
        Assert.AreEqual(steps[0], steps[^1]);
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Dispose_ThenUse_GivesObjectDisposedException()
    {
        var model = (IDisposable)Fit(Context, s_data, Options(epochs: 1));
        ResNetTransformer transformer = ResNetOf((ITransformer)model);
        using PredictionEngine<PixelRow, PredictionRow> engine = PixelRows.CreateEngine(Context, (ITransformer)model);
        IDataView scored = transformer.Transform(s_data);

        model.Dispose();
        model.Dispose();

        StringAssert.Contains(Assert.ThrowsExactly<ObjectDisposedException>(() => engine.Predict(Create(1)[0])).Message, "OwnsTransformer = false");
        Assert.ThrowsExactly<ObjectDisposedException>(() => scored.GetColumn<float[]>("Score").ToArray());
        Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.Transform(s_data));
        Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.SaveWeights(Path.GetTempFileName()));
        Assert.AreEqual(nameof(ResNetTransformer), Assert.ThrowsExactly<ObjectDisposedException>(() => transformer.GetRowToRowMapper(s_data.Schema)).ObjectName);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Dispose_WhileOthersScore_GivesResultsOrObjectDisposedException()
    {
        var model = (IDisposable)Fit(Context, s_data, Options(epochs: 1));
        long tensors = LiveTensors.CountAfterCollection();
        using var started = new CountdownEvent(4);
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            started.Signal();
            try
            {
                while (true)
                {
                    Scores((ITransformer)model, s_data);
                }
            }
            catch (ObjectDisposedException)
            {
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        started.Wait();
        model.Dispose();

        Assert.IsTrue(threads.All(thread => thread.Join(TimeSpan.FromSeconds(30))));
        Assert.IsLessThan(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Transform_DataOfAnotherSize_SaysWhatWasExpected()
    {
        IDataView other = Context.Data.LoadFromEnumerable([new SmallRow()]);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => ResNetOf(s_model).Transform(other));

        Assert.AreEqual(
            "Feature column 'Features' has type Vector<Single, 3, 4, 4>, expected a vector of 192 Single (pixels 3 x 8 x 8), as in the data that the model was trained on.",
            exception.Message);
    }

    [TestMethod]
    [DataRow(float.NaN, "Row 1 has the pixel value NaN in column 'Features', expected a finite number.")]
    [DataRow(1000f, "Row 1 has the pixel value 1000 in column 'Features', expected 0 to 255, as PixelRange ZeroTo255 says")]
    public void Score_PixelsThatAreNone_SaysWhichRow(float value, string expected)
    {
        List<PixelRow> rows = Create(3);
        rows[1].Features[5] = value;
        IDataView scored = ResNetOf(s_model).Transform(Context.Data.LoadFromEnumerable(rows));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => scored.GetColumn<float[]>(scored.Schema["Score"]).ToArray());

        StringAssert.StartsWith(exception.Message, expected);
    }

    /// <summary>The model with a head whose weight is zero and whose bias is given, by way of a model file.</summary>
    private static ResNetTransformer WithHead(float[] bias)
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(ResNetOf(s_model), s_data.Schema, folder.File("model.zip"));
        ModelZip.Rewrite(folder.File("model.zip"), "Weights.safetensors", content =>
        {
            // fc.weight, 3 x 16, and fc.bias, 3, are the last entries.
            Array.Clear(content, content.Length - ((48 + 3) * 4), 48 * 4);
            Buffer.BlockCopy(bias, 0, content, content.Length - 12, 12);
            return content;
        });
        return (ResNetTransformer)Context.Model.Load(folder.File("model.zip"), out _);
    }

    private sealed class Scored
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Features { get; set; } = [];
    }

    private sealed class SmallRow
    {
        [VectorType(3, 4, 4)]
        public float[] Features { get; set; } = new float[48];
    }

    private sealed class CountingRow(PixelRow row, Action onRead)
    {
        public CountingRow()
            : this(new PixelRow(), () => { })
        {
        }

        public string Label { get; set; } = row.Label;

        [VectorType(3, 8, 8)]
        public float[] Features
        {
            get
            {
                onRead();
                return row.Features;
            }

            set => row.Features = value;
        }
    }
}
