using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.Trainer;

[TestClass]
public sealed class FindLearningRateTests
{
    private static readonly MLContext Context = new(1);

    /// <summary>A loss that is flat, falls, has its minimum at 0.1 and diverges; the steepest place and the minimum are known.</summary>
    [TestMethod]
    public void Curve_KnownLosses_SuggestsKnownRates()
    {
        // A rate for each tenth of a decade, from 1e-6 to 10. The loss falls by 0.1 a step from 1e-3, by 0.2 at 1e-2, and rises from 0.1.
        List<LearningRatePoint> points = [];
        double loss = 5;
        for (int i = 0; i <= 70; i++)
        {
            points.Add(new LearningRatePoint(Math.Pow(10, -6 + (i / 10.0)), loss, loss));
            loss += i < 30 ? 0 : i == 40 ? -0.2 : i < 50 ? -0.1 : 0.5;
        }

        var curve = new LearningRateCurve(points);

        Assert.AreEqual(1e-2, curve.Steepest, 1e-9);
        Assert.AreEqual(1e-2, curve.MinimumOverTen, 1e-9);
        Assert.HasCount(71, curve.Points);
    }

    [TestMethod]
    public void FindLearningRate_SmallNetwork_FindsRatesThatTrain()
    {
        IDataView data = Data(64);

        LearningRateCurve curve = Trainer().FindLearningRate(data);
        LearningRateCurve again = Trainer().FindLearningRate(data);

        Assert.IsInRange(10, 100, curve.Points.Count);
        Assert.AreEqual(1e-7, curve.Points[0].LearningRate, 1e-12);
        Assert.IsTrue(curve.Points.Zip(curve.Points.Skip(1)).All(pair => pair.Second.LearningRate > pair.First.LearningRate));
        Assert.AreEqual(curve.Points[0].Loss, curve.Points[0].SmoothedLoss, 1e-6);
        Assert.IsInRange(1e-5, 10, curve.Steepest);
        Assert.IsInRange(1e-6, 1, curve.MinimumOverTen);
        CollectionAssert.AreEqual(curve.Points.ToArray(), again.Points.ToArray(), "It changes nothing.");

        // The smoothed loss by its definition: momentum 0.98, corrected for its start.
        double average = 0;
        for (int i = 0; i < curve.Points.Count; i++)
        {
            average = (0.98 * average) + (0.02 * curve.Points[i].Loss);
            Assert.AreEqual(average / (1 - Math.Pow(0.98, i + 1)), curve.Points[i].SmoothedLoss, 1e-9);
        }
    }

    [TestMethod]
    public void FindLearningRate_RatesThatDiverge_EndsEarly()
    {
        LearningRateCurve curve = Trainer().FindLearningRate(Data(64), smallest: 1e-4, largest: 1e6, steps: 60);

        Assert.IsLessThan(60, curve.Points.Count);
        Assert.IsLessThan(100, curve.MinimumOverTen);
    }

    [TestMethod]
    public void FindLearningRate_LimitedTime_EndsInIt()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        ResNetTrainer trainer = Trainer(options => options.MaxTrainingTime = TimeSpan.FromSeconds(2));

        LearningRateCurve curve = trainer.FindLearningRate(Data(256), steps: 10_000);

        Assert.IsLessThan(10_000, curve.Points.Count);
        Assert.IsLessThan(30, clock.Elapsed.TotalSeconds);
    }

    /// <summary>Weights that a training begins with are those that the test begins with, and stay as they are.</summary>
    [TestMethod]
    [DataRow(FineTuningMode.Full)]
    [DataRow(FineTuningMode.HeadThenFull)]
    public void FindLearningRate_PretrainedWeights_BeginsWithThemAndLeavesThemAlone(FineTuningMode mode)
    {
        IDataView data = Data(64);
        using ResNetTransformer model = Trainer(options => options.Epochs = 3).Fit(data);
        float[] before = Scores(model, data);
        ResNetTrainer trainer = Trainer(options =>
        {
            options.PretrainedWeights = ResNetWeights.FromTransformer(model);
            options.FineTuning = mode;
        });

        LearningRateCurve curve = trainer.FindLearningRate(data, steps: 40);

        CollectionAssert.AreEqual(before, Scores(model, data));
        Assert.IsInRange(10, 40, curve.Points.Count);
    }

    [TestMethod]
    public void FindLearningRate_WhatCannotBe_SaysWhy()
    {
        IDataView data = Data(16);
        using ResNetTransformer model = Trainer().Fit(data);
        ResNetTrainer headOnly = Trainer(options =>
        {
            options.PretrainedWeights = ResNetWeights.FromTransformer(model);
            options.FineTuning = FineTuningMode.HeadOnly;
        });

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => headOnly.FindLearningRate(data)).Message, "fits the classifier without a learning rate");
        Assert.AreEqual("smallest", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer().FindLearningRate(data, smallest: 0)).ParamName);
        Assert.AreEqual("largest", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer().FindLearningRate(data, smallest: 1, largest: 1)).ParamName);
        Assert.AreEqual("steps", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer().FindLearningRate(data, steps: 9)).ParamName);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidOperationException>(() => Trainer(options => options.MaxTrainingTime = TimeSpan.FromMilliseconds(1)).FindLearningRate(data)).Message,
            "expected at least 10");
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => Trainer(options => options.CancellationToken = cancelled.Token).FindLearningRate(data));
    }

    private static ResNetTrainer Trainer(Action<ResNetTrainer.Options>? change = null)
    {
        var options = new ResNetTrainer.Options { FeatureColumnName = "Pixels", Architecture = ResNetArchitecture.ResNet20, Epochs = 1, BatchSize = 16, Seed = 3, PixelRange = PixelRange.ZeroTo255 };
        change?.Invoke(options);
        return Context.MulticlassClassification.Trainers.ResNet(options);
    }

    private static float[] Scores(ResNetTransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(row => row)];

    /// <summary>Two classes that differ in brightness.</summary>
    private static IDataView Data(int count)
    {
        var random = new Random(5);
        IDataView rows = Context.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new Row
        {
            Label = i % 2 == 0 ? "dark" : "bright",
            Pixels = [.. Enumerable.Range(0, 3 * 16 * 16).Select(_ => (float)random.Next(256) * (i % 2 == 0 ? 0.4f : 1))],
        }).ToArray());
        return Context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        [VectorType(3, 16, 16)]
        public float[] Pixels { get; set; } = [];
    }
}
