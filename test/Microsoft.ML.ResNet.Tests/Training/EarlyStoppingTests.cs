using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class EarlyStoppingTests
{
    [TestMethod]
    public void Add_AccuracyThatHardlyGrows_StopsAfterThePatience()
    {
        var stopping = new EarlyStopping(ValidationMetric.Accuracy, patience: 2, minimumChange: 0.01);

        Assert.IsFalse(stopping.Add(1, 0.50).IsOver);
        Assert.IsFalse(stopping.Add(2, 0.505).IsOver);
        Assert.IsTrue(stopping.Add(3, 0.509).IsOver);
    }

    [TestMethod]
    public void Add_LossThatFalls_NeverStops()
    {
        var stopping = new EarlyStopping(ValidationMetric.Loss, patience: 2, minimumChange: 0.01);

        foreach (var (epoch, loss) in new[] { (1, 1.0), (2, 0.9), (3, 0.8), (4, 0.7) })
        {
            Assert.AreEqual((true, false), stopping.Add(epoch, loss), $"epoch {epoch}");
        }
    }

    [TestMethod]
    public void Add_BestInTheMiddle_IsRemembered()
    {
        var stopping = new EarlyStopping(ValidationMetric.Accuracy, patience: null, minimumChange: 0);

        foreach (var (epoch, accuracy) in new[] { (1, 0.5), (2, 0.9), (3, 0.6), (4, 0.6) })
        {
            Assert.AreEqual((epoch <= 2, false), stopping.Add(epoch, accuracy), $"epoch {epoch}");
        }

        Assert.AreEqual(2, stopping.State.BestEpoch);
        Assert.AreEqual(0.9, stopping.State.Best);
    }

    [TestMethod]
    public void Add_MetricThatIsNoNumber_IsWorseThanAnyAndStopsAfterThePatience()
    {
        var stopping = new EarlyStopping(ValidationMetric.Loss, patience: 2, minimumChange: 0);

        Assert.AreEqual((false, false), stopping.Add(1, double.NaN));
        Assert.IsNull(stopping.State.BestEpoch);
        Assert.AreEqual((true, false), stopping.Add(2, 0.9));
        Assert.AreEqual((false, false), stopping.Add(3, double.NaN));
        Assert.AreEqual((false, true), stopping.Add(4, double.NaN));
        Assert.AreEqual(2, stopping.State.BestEpoch);
    }

    [TestMethod]
    public void Add_SmallLeadsInSum_CountAsOneImprovement()
    {
        // Each lead is below the least change, but the third value is above the first by more.
        var stopping = new EarlyStopping(ValidationMetric.Accuracy, patience: 2, minimumChange: 0.01);

        stopping.Add(1, 0.500);
        stopping.Add(2, 0.506);

        Assert.AreEqual((true, false), stopping.Add(3, 0.512));
        Assert.AreEqual(0, stopping.State.EpochsWaited);
    }

    [TestMethod]
    public void Add_MetricThatFallsInTheWarmup_UsesNoPatienceUp()
    {
        var stopping = new EarlyStopping(ValidationMetric.Accuracy, patience: 2, minimumChange: 0);

        Assert.AreEqual((true, false), stopping.Add(1, 0.2, isWarmup: true));
        Assert.AreEqual((false, false), stopping.Add(2, 0.1, isWarmup: true));
        Assert.AreEqual((false, false), stopping.Add(3, 0.1));
        Assert.AreEqual((false, true), stopping.Add(4, 0.1));
        Assert.AreEqual(1, stopping.State.BestEpoch);
    }
}
