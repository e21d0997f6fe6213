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
        // A rate for each tenth of a decade, from 1e-6 to 10. The loss falls by 0.1 a step from 1e-3, by 0.2 from 10^-2.2 to 10^-1.8, and rises from 0.1.
        List<LearningRatePoint> points = [];
        double loss = 5;
        for (int i = 0; i <= 70; i++)
        {
            points.Add(new LearningRatePoint(Math.Pow(10, -6 + (i / 10.0)), loss, loss));
            loss += i < 30 ? 0 : i is >= 38 and < 42 ? -0.2 : i < 50 ? -0.1 : 0.5;
        }

        var curve = new LearningRateCurve(points);

        // The line is through 17 points: its middle is one of them, and the steepest has as much of the fall before it as behind it.
        Assert.AreEqual(1e-2, curve.Steepest, 1e-9);
        Assert.AreEqual(1e-2, curve.MinimumOverTen, 1e-9);
        Assert.HasCount(71, curve.Points);
    }

    /// <summary>The first losses are noise that the average has not smoothed yet, and behind the explosion the average falls fast: neither is where training is fastest.</summary>
    [TestMethod]
    [DataRow(0.15, DisplayName = "noise")]
    [DataRow(0.0, DisplayName = "plain")]
    public void Curve_NoiseAtTheStartAndAnExplosion_SuggestsRatesOfTheFall(double noise)
    {
        for (int seed = 1; seed <= 50; seed++)
        {
            // 100 rates from 1e-7 to 10. The loss falls from 2.6 to 2.0 between 3e-4 and 0.05; at 0.2 it explodes and comes back, higher than before.
            LearningRateCurve curve = Smoothed(seed, noise, rate => rate < 0.2
                ? 2.6 - (0.6 * Math.Clamp((Math.Log10(rate) + 3.5) / 2.2, 0, 1))
                : 2.3 + (4 * Math.Clamp(1 - Math.Log10(rate / 0.2), 0, 1)));

            Assert.IsInRange(2e-3, 0.05, curve.Steepest, $"Seed {seed}.");
            Assert.IsInRange(1e-3, 0.03, curve.MinimumOverTen, $"Seed {seed}.");
            Assert.IsLessThan(10 * curve.MinimumOverTen, curve.Steepest, $"Seed {seed}.");
        }
    }

    [TestMethod]
    public void Curve_LossThatNeverFalls_SuggestsTheLowestRateThatCounts()
    {
        LearningRateCurve curve = Smoothed(seed: 1, noise: 0, rate => 3 + Math.Log10(rate / 1e-7));

        Assert.AreEqual(curve.Points[10].LearningRate, curve.Steepest);
        Assert.AreEqual(curve.Points[10].LearningRate / 10, curve.MinimumOverTen);
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

    /// <summary>The curve of a range test with these losses, and with normal noise from batch to batch.</summary>
    private static LearningRateCurve Smoothed(int seed, double noise, Func<double, double> lossOf)
    {
        var random = new Random(seed);
        List<LearningRatePoint> points = [];
        double average = 0;
        for (int i = 0; i < 100; i++)
        {
            double rate = 1e-7 * Math.Pow(1e8, i / 99.0);
            double loss = lossOf(rate) + (noise * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            average = (0.98 * average) + (0.02 * loss);
            points.Add(new LearningRatePoint(rate, loss, average / (1 - Math.Pow(0.98, i + 1))));
        }

        return new LearningRateCurve(points);
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
