using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Calibrating;

namespace Microsoft.ML.ResNet.Tests.Calibrating;

/// <summary>Calibration and minimum score on numbers whose answers are known.</summary>
[TestClass]
public sealed class CalibrationTests
{
    private static readonly MLContext Context = new(1);

    /// <summary>Three of four sure answers are right, and one of two unsure ones.</summary>
    [TestMethod]
    public void EvaluateCalibration_KnownAnswers_HasKnownErrors()
    {
        Row[] rows =
        [
            .. Enumerable.Range(0, 4).Select(i => new Row { Label = i < 3 ? 0u : 1u, Score = [0.95f, 0.05f] }),
            .. Enumerable.Range(0, 2).Select(i => new Row { Label = (uint)i, Score = [0.62f, 0.38f] }),
            new Row { Label = Row.Missing, Score = [0.5f, 0.5f] },
            new Row { Label = 0, Score = [float.NaN, float.NaN] },
        ];

        CalibrationMetrics metrics = Context.MulticlassClassification.EvaluateCalibration(Context.Data.LoadFromEnumerable(rows));

        Assert.AreEqual(6, metrics.RowCount);
        Assert.HasCount(2, metrics.Bins);
        Assert.AreEqual(((4 * 0.2) + (2 * 0.12)) / 6, metrics.ExpectedCalibrationError, 1e-6);
        Assert.AreEqual(0.2, metrics.MaximumCalibrationError, 1e-6);
        Assert.AreEqual(-((3 * Math.Log(0.95)) + Math.Log(0.05) + Math.Log(0.62) + Math.Log(0.38)) / 6, metrics.LogLoss, 1e-5);
        Assert.AreEqual(new CalibrationBin(2, 0.62, 0.5), metrics.Bins[0] with { Confidence = Math.Round(metrics.Bins[0].Confidence, 6) });
        Assert.HasCount(1, Context.MulticlassClassification.EvaluateCalibration(Context.Data.LoadFromEnumerable(rows), binCount: 1).Bins);
    }

    [TestMethod]
    public void EvaluateCalibration_WrongData_SaysWhatIsExpected()
    {
        IDataView texts = Context.Data.LoadFromEnumerable([new { Label = "a", Score = 1f }]);
        IDataView unlabelled = Context.Data.LoadFromEnumerable([new Row { Label = Row.Missing, Score = [1, 0] }]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.EvaluateCalibration(texts)).Message, "expected Key");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.EvaluateCalibration(unlabelled, scoreColumnName: "Scores")).Message, "Score column 'Scores' is missing");
        Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.EvaluateCalibration(unlabelled));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.EvaluateCalibration(unlabelled, binCount: 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.ChooseMinimumScore(unlabelled, 0));
    }

    /// <summary>From the surest: right, right, wrong, right, right, wrong.</summary>
    [TestMethod]
    [DataRow(1.0, 0.8f, 1.0, 2 / 6.0, true)]
    [DataRow(0.8, 0.5f, 0.8, 5 / 6.0, true)]
    [DataRow(0.75, 0.5f, 0.8, 5 / 6.0, true)]
    [DataRow(0.5, 0.4f, 4 / 6.0, 1.0, true)]
    public void ChooseMinimumScore_KnownRows_CostsTheLeastCoverage(double precision, float expected, double reached, double coverage, bool isReached)
    {
        float[] confidences = [0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f];
        bool[] isRight = [true, true, false, true, true, false];
        IDataView data = Context.Data.LoadFromEnumerable(confidences.Zip(isRight, (confidence, right) => new Row { Label = right ? 0u : 1u, Score = [confidence, 0.1f] }));

        Assert.AreEqual(new MinimumScoreChoice(expected, reached, coverage, isReached), Context.MulticlassClassification.ChooseMinimumScore(data, precision));
    }

    [TestMethod]
    public void ChooseMinimumScore_PrecisionOutOfReach_IsTheHighest()
    {
        IDataView data = Context.Data.LoadFromEnumerable([new Row { Label = 1, Score = [0.9f, 0.1f] }, new Row { Label = 0, Score = [0.8f, 0.2f] }]);

        Assert.AreEqual(new MinimumScoreChoice(0.8f, 0.5, 1, IsReached: false), Context.MulticlassClassification.ChooseMinimumScore(data, 0.9));
    }

    /// <summary>Labels drawn from probabilities, which are then made sharper or flatter by a known factor.</summary>
    [TestMethod]
    [DataRow(2.5)]
    [DataRow(1.0)]
    [DataRow(0.4)]
    public void Fit_ScoresOfKnownTemperature_FindsIt(double temperature)
    {
        const int count = 20_000, classes = 4;
        var random = new Random(3);
        var labels = new int[count];
        var scores = new float[count][];
        for (int i = 0; i < count; i++)
        {
            double[] logits = [.. Enumerable.Range(0, classes).Select(_ => 3 * random.NextDouble())];
            double[] honest = Softmax(logits);
            double draw = random.NextDouble(), sum = 0;
            labels[i] = Array.FindIndex(honest, probability => (sum += probability) >= draw) is var index && index < 0 ? classes - 1 : index;
            scores[i] = [.. Softmax([.. logits.Select(logit => logit * temperature)]).Select(value => (float)value)];
        }

        Assert.AreEqual(temperature, TemperatureScaling.Fit(new ScoredRows(labels, scores)), 0.06 * temperature);
    }

    [TestMethod]
    public void Fit_AllRight_StaysInItsRange()
        => Assert.IsTrue(TemperatureScaling.Fit(new ScoredRows([0, 1], [[0.9f, 0.1f], [0, 1]])) is >= TemperatureScaling.Lowest and < 0.1);

    private static double[] Softmax(double[] logits)
    {
        double[] powers = [.. logits.Select(Math.Exp)];
        return [.. powers.Select(power => power / powers.Sum())];
    }

    private sealed class Row
    {
        /// <summary>ML.NET counts the values of a key from 0 in a class, and takes what is beyond them for missing.</summary>
        public const uint Missing = 2;

        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(2)]
        public float[] Score { get; set; } = [];
    }
}
