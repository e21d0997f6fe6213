using Microsoft.ML.ResNet.Trainer;
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
    public void At_OneCycle_EqualsPyTorchsOneCycleLR()
    {
        // OneCycleLR(max_lr=0.1, total_steps=10, cycle_momentum=False) of PyTorch 1.13.
        var schedule = new LearningRateSchedule(Peak: 0.1, TotalSteps: 10, WarmupSteps: 0) { Decay = LearningRateDecay.OneCycle };

        AssertRates(
            schedule, 0.0040000000000000036, 0.052000000000000005, 0.1, 0.09504846320134738, 0.0811745653949763, 0.06112620219362893, 0.03887419780637107, 0.0188258346050237, 0.004951936798652629, 4e-07);
    }

    [TestMethod]
    public void At_Steps_FallsAtTheMilestones()
    {
        var schedule = new LearningRateSchedule(Peak: 1, TotalSteps: 8, WarmupSteps: 2) { Decay = LearningRateDecay.Step, Milestones = [0.5, 0.75], Factor = 0.1 };

        AssertRates(schedule, 0.01, 0.505, 1, 1, 0.1, 0.1, 0.01, 0.01);
    }

    [TestMethod]
    public void At_Constant_StaysAfterWarmup()
        => AssertRates(new LearningRateSchedule(Peak: 1, TotalSteps: 4, WarmupSteps: 1) { Decay = LearningRateDecay.Constant }, 0.01, 1, 1, 1);

    [TestMethod]
    public void At_NoWarmup_StartsAtThePeak() => AssertRates(new LearningRateSchedule(Peak: 1, TotalSteps: 2, WarmupSteps: 0), 1, 0.5);

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void At_VeryShortOneCycle_IsFinite(int steps)
    {
        var schedule = new LearningRateSchedule(Peak: 1, TotalSteps: steps, WarmupSteps: 0) { Decay = LearningRateDecay.OneCycle };

        for (int step = 0; step < steps; step++)
        {
            Assert.IsTrue(schedule.At(step) is >= 0 and <= 1, $"step {step}: {schedule.At(step)}");
        }
    }

    [TestMethod]
    public void Schedule_WarmupLongerThanHalf_IsCutToHalf()
    {
        TrainingSettings settings = TrainingDefaults.Resolve(new ResNetTrainer.Options { Epochs = 3, WarmupEpochs = 3 }, imageSize: 32, imageCount: 100, classWeights: null, seed: 1);

        Assert.AreEqual(15, settings.Schedule(stepCount: 10).WarmupSteps);
    }

    [TestMethod]
    [DataRow(LearningRateDecay.Cosine, null, 2)]
    [DataRow(LearningRateDecay.Step, null, 2)]
    [DataRow(LearningRateDecay.Constant, 0.5, 0.5)]
    [DataRow(LearningRateDecay.Cosine, 0.0, 0)]
    [DataRow(LearningRateDecay.OneCycle, null, 0)]
    [DataRow(LearningRateDecay.OneCycle, 3.0, 0)]
    public void WarmupEpochs_BesideOneCycle_AreNone(LearningRateDecay decay, double? given, double expected)
    {
        var options = new ResNetTrainer.Options { LearningRateDecay = decay, WarmupEpochs = given };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, imageSize: 32, imageCount: 100, classWeights: null, seed: 1).WarmupEpochs);
    }

    [TestMethod]
    public void Schedule_FastRecipe_RisesOnceAndFalls()
    {
        TrainingSettings settings = TrainingDefaults.Resolve(ResNetTrainer.Options.FromRecipe(Recipe.Fast), imageSize: 32, imageCount: 320, classWeights: null, seed: 1);
        LearningRateSchedule schedule = settings.Schedule(stepCount: 10);

        double[] rates = [.. Enumerable.Range(0, schedule.TotalSteps).Select(step => schedule.At(step))];

        int peak = Array.IndexOf(rates, rates.Max());
        Assert.AreEqual(209, peak, "0.3 x 700 steps, less one");
        Assert.IsTrue(rates.Take(peak + 1).SequenceEqual(rates.Take(peak + 1).Order()) && rates.Skip(peak).SequenceEqual(rates.Skip(peak).OrderDescending()));
        Assert.AreEqual(210, schedule.RisingSteps, 1e-9);
    }

    [TestMethod]
    [DataRow(TrainingOptimizer.Sgd, 32, 0.05)]
    [DataRow(TrainingOptimizer.Sgd, 128, 0.2)]
    [DataRow(TrainingOptimizer.AdamW, 128, 0.001)]
    public void LearningRate_LeftOpen_SuitsOptimiserAndBatch(TrainingOptimizer optimizer, int batchSize, double expected)
    {
        var options = new ResNetTrainer.Options { Optimizer = optimizer, BatchSize = batchSize };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, imageSize: 32, imageCount: 1000, classWeights: null, seed: 1).LearningRate, 1e-12);
    }

    [TestMethod]
    [DataRow(4096, 1, 1, 96, false, 0.15)]
    [DataRow(4096, 1, 1, 320, true, 0.1)]
    [DataRow(64, 8, 1, 320, false, 0.5)]
    [DataRow(64, 2, 4, 320, false, 0.5)]
    [DataRow(64, 2, 4, 1000, false, 0.8)]
    public void LearningRate_LeftOpen_IsForTheImagesOfAStep(int batchSize, int accumulateSteps, int processes, int imageCount, bool fineTunes, double expected)
    {
        double[] rates = MemoryProcessGroup.Run(processes, group =>
        {
            var options = new ResNetTrainer.Options { BatchSize = batchSize, AccumulateSteps = accumulateSteps, ProcessGroup = group };
            return TrainingDefaults.Resolve(options, imageSize: 32, imageCount, classWeights: null, seed: 1, fineTunes).LearningRate;
        });

        Assert.IsTrue(rates.All(rate => Math.Abs(rate - expected) < 1e-12), string.Join(' ', rates));
    }

    [TestMethod]
    [DataRow(64, 60, 19_999, false, 0.1)]
    [DataRow(65, 60, 19_999, false, 0.05)]
    [DataRow(64, 59, 19_999, false, 0.05)]
    [DataRow(64, 60, 20_000, false, 0.05)]
    [DataRow(64, 60, 19_999, true, 0.01)]
    public void LearningRate_LeftOpen_IsHigherInLongTrainingsOnFewSmallImages(int imageSize, int epochs, int imageCount, bool fineTunes, double expected)
    {
        var options = new ResNetTrainer.Options { Epochs = epochs };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, imageSize, imageCount, classWeights: null, seed: 1, fineTunes).LearningRate, 1e-12);
        options.LearningRate = 0.03;
        Assert.AreEqual(0.03, TrainingDefaults.Resolve(options, imageSize, imageCount, classWeights: null, seed: 1, fineTunes).LearningRate);
    }

    [TestMethod]
    [DataRow(TrainingOptimizer.Sgd, 60, 19_999, false, 0.002)]
    [DataRow(TrainingOptimizer.Sgd, 59, 19_999, false, 5e-4)]
    [DataRow(TrainingOptimizer.Sgd, 60, 20_000, false, 5e-4)]
    [DataRow(TrainingOptimizer.Sgd, 60, 100, true, 5e-4)]
    [DataRow(TrainingOptimizer.AdamW, 60, 100, false, 0.05)]
    public void WeightDecay_LeftOpen_SuitsOptimiserAndImages(TrainingOptimizer optimizer, int epochs, int imageCount, bool fineTunes, double expected)
    {
        var options = new ResNetTrainer.Options { Optimizer = optimizer, Epochs = epochs };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, imageSize: 32, imageCount, classWeights: null, seed: 1, fineTunes).WeightDecay);
        options.WeightDecay = 0;
        options.Validate();
        Assert.AreEqual(0, TrainingDefaults.Resolve(options, imageSize: 32, imageCount, classWeights: null, seed: 1, fineTunes).WeightDecay);
    }

    [TestMethod]
    [DataRow(ClassWeighting.None, null, false, false, 0)]
    [DataRow(ClassWeighting.None, 0.5, false, false, 0)]
    [DataRow(ClassWeighting.Balanced, null, false, false, 0.8)]
    [DataRow(ClassWeighting.Balanced, null, false, true, 0)]
    [DataRow(ClassWeighting.Balanced, 0.5, false, true, 0.5)]
    [DataRow(ClassWeighting.Balanced, null, true, false, 0)]
    [DataRow(ClassWeighting.None, 0.5, true, false, 0.5)]
    public void ClassWeightingStart_LeftOpen_SuitsWeightsAndStart(ClassWeighting weighting, double? start, bool hasGivenWeights, bool fineTunes, double expected)
    {
        var options = new ResNetTrainer.Options
        {
            ClassWeighting = weighting,
            ClassWeightingStart = start,
            ClassWeights = hasGivenWeights ? new Dictionary<string, float> { ["a"] = 2 } : null,
        };

        Assert.AreEqual(expected, TrainingDefaults.Resolve(options, imageSize: 32, imageCount: 100, hasGivenWeights ? [2, 1] : null, seed: 1, fineTunes).ClassWeightingStart);
    }

    private static void AssertRates(LearningRateSchedule schedule, params double[] expected)
    {
        for (int step = 0; step < expected.Length; step++)
        {
            Assert.AreEqual(expected[step], schedule.At(step), 1e-10, $"step {step}");
        }
    }
}
