using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class TimeBudgetTests
{
    [TestMethod]
    public void Advance_NoLimit_TakesEveryStep()
    {
        var pace = new TimeBudget(totalSteps: 10, stepsPerEpoch: 5, limit: null, relativeCost: _ => 1);

        for (int step = 0; step < 10; step++)
        {
            Assert.IsFalse(pace.IsOver);
            Assert.AreEqual(step, pace.Position);
            pace.Advance(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(step + 1), TimeSpan.Zero);
        }

        Assert.IsTrue(pace.IsOver);
    }

    [TestMethod]
    public void Advance_TimeForAll_TakesEveryStep()
        => Assert.AreEqual(100, Run(steps: 100, limitSeconds: 1000, _ => 1).Steps);

    [TestMethod]
    [DataRow(50)]
    [DataRow(10)]
    public void Advance_TimeForSome_ReachesTheEndInTime(int limitSeconds)
    {
        var (steps, elapsed, positions) = Run(steps: 1000, limitSeconds, _ => 1);

        Assert.IsLessThanOrEqualTo(limitSeconds, elapsed);
        Assert.IsGreaterThan(limitSeconds * 0.9, elapsed);
        Assert.AreEqual(limitSeconds * 10, steps, steps * 0.1);

        // The last step is near the end of the way, so that the learning rate is near its end.
        Assert.IsGreaterThan(950, positions[^1]);
        Assert.IsTrue(positions.Zip(positions.Skip(1)).All(pair => pair.First < pair.Second));
    }

    [TestMethod]
    public void Advance_TimeKept_EndsBeforeIt()
        => Assert.IsInRange(7, 8, Run(steps: 1000, limitSeconds: 10, _ => 1, keptSeconds: 2).Elapsed);

    [TestMethod]
    public void Advance_CostThatGrows_IsForeseen()
    {
        // The second half costs four times as much: the stride must not have to grow in it.
        var (_, elapsed, positions) = Run(steps: 1000, limitSeconds: 50, share => share < 0.5 ? 1 : 4);

        Assert.IsLessThanOrEqualTo(50, elapsed);
        double early = positions[20] - positions[19], late = positions[^2] - positions[^3];
        Assert.AreEqual(early, late, early * 0.3);
    }

    [TestMethod]
    public void Advance_LimitShorterThanAStep_EndsAfterIt()
        => Assert.AreEqual(1, Run(steps: 1000, limitSeconds: 0.01, _ => 1).Steps);

    [TestMethod]
    [DataRow(20.0, false)]
    [DataRow(12.0, true)]
    public void EndsSoonAfter_AQuarterOfAnEpochLeftOrLess_IsTrue(double limitSeconds, bool expected)
    {
        // Ten steps of a second are done; a quarter of an epoch of ten takes 2.5 s, two evaluations 2 s.
        var pace = new TimeBudget(totalSteps: 100, stepsPerEpoch: 10, TimeSpan.FromSeconds(limitSeconds), _ => 1);
        for (int step = 1; step <= 10; step++)
        {
            pace.Advance(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(step), TimeSpan.Zero);
        }

        Assert.IsFalse(pace.IsOver);
        Assert.AreEqual(expected, pace.EndsSoonAfter(TimeSpan.FromSeconds(1)));
    }

    [TestMethod]
    public void EndsSoonAfter_NoLimit_IsFalse()
    {
        var pace = new TimeBudget(totalSteps: 100, stepsPerEpoch: 10, limit: null, _ => 1);
        pace.Advance(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), TimeSpan.Zero);

        Assert.IsFalse(pace.EndsSoonAfter(TimeSpan.FromSeconds(1)));
    }

    /// <summary>A training in which a step of cost 1 takes a tenth of a second.</summary>
    private static (int Steps, double Elapsed, List<double> Positions) Run(int steps, double limitSeconds, Func<double, double> cost, double keptSeconds = 0)
    {
        var pace = new TimeBudget(steps, stepsPerEpoch: 10, TimeSpan.FromSeconds(limitSeconds), cost) { Kept = TimeSpan.FromSeconds(keptSeconds) };
        double elapsed = 0;
        List<double> positions = [];
        while (!pace.IsOver)
        {
            positions.Add(pace.Position);
            double step = 0.1 * cost(pace.Share);
            elapsed += step;
            pace.Advance(TimeSpan.FromSeconds(step), TimeSpan.FromSeconds(elapsed), TimeSpan.Zero);
        }

        return (positions.Count, elapsed, positions);
    }
}
