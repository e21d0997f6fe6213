using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class LearningRateScheduleTests
{
    [TestMethod]
    public void At_WarmupThenCosine_GivesTheClosedForm()
    {
        var schedule = new LearningRateSchedule(Peak: 0.1, TotalSteps: 6, WarmupSteps: 2);

        // 0.1 * (0.01 + 0.99 t/2) for t = 0, 1; then 0.05 (1 + cos(pi t/4)) for t = 0..3.
        AssertRates(schedule, 0.001, 0.0505, 0.1, 0.0853553391, 0.05, 0.0146446609);
    }

    [TestMethod]
    public void At_TenSteps_EqualsPyTorchsSequentialLR()
    {
        // SequentialLR([LinearLR(0.1, total_iters=2), CosineAnnealingLR(T_max=8)], milestones=[2]) of PyTorch 1.13, base 0.1.
        var schedule = new LearningRateSchedule(Peak: 0.1, TotalSteps: 10, WarmupSteps: 2) { WarmupStart = 0.1 };

        AssertRates(
            schedule, 0.010000000000000002, 0.05500000000000001, 0.1, 0.09619397662556434, 0.08535533905932738, 0.0691341716182545, 0.05, 0.030865828381745515, 0.014644660940672627, 0.0038060233744356634);
    }

    [TestMethod]
    public void At_NoWarmup_StartsAtThePeak() => AssertRates(new LearningRateSchedule(Peak: 1, TotalSteps: 2, WarmupSteps: 0), 1, 0.5);

    [TestMethod]
    public void Schedule_WarmupLongerThanHalf_IsCutToHalf()
    {
        TrainingSettings settings = TrainingSettings.Of(new ResNetTrainer.Options { Epochs = 3, WarmupEpochs = 3 }, imageSize: 32, seed: 1);

        Assert.AreEqual(15, settings.Schedule(batchCount: 10).WarmupSteps);
    }

    private static void AssertRates(LearningRateSchedule schedule, params double[] expected)
    {
        for (int step = 0; step < expected.Length; step++)
        {
            Assert.AreEqual(expected[step], schedule.At(step), 1e-10, $"step {step}");
        }
    }
}
