using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class PendingMetricsTests
{
    [TestMethod]
    public void Take_SeveralSteps_GivesWhatReadingEachAtOnceGives()
    {
        using var pending = new PendingMetrics();
        using var generator = new Generator(3);
        var atOnce = new RunningMetrics();
        var late = new RunningMetrics();
        for (int step = 1; step <= 5; step++)
        {
            using var scope = NewDisposeScope();
            Tensor logits = randn([6 + step, 4], generator: generator), labels = randint(0, 4, [6 + step], dtype: ScalarType.Int64, generator: generator);
            Tensor loss = nn.functional.cross_entropy(logits, labels);
            atOnce = atOnce.With(loss.item<float>(), logits, labels, topK: 2);
            pending.Add(new PendingStep(step, Epoch: 1, 6 + step, LearningRate: 0.1), loss, logits, labels, topK: 2);
        }

        Assert.AreEqual(5, pending.Count);
        long number = 0;
        foreach (var (step, loss, correct, topKCorrect) in pending.Take())
        {
            Assert.AreEqual(++number, step.Number);
            late = late.With(loss, step.ImageCount, correct, topKCorrect);
        }

        Assert.AreEqual(atOnce, late);
        Assert.AreEqual(0, pending.Count);
        Assert.IsEmpty(pending.Take());
    }

    [TestMethod]
    public void Take_LossOfNaN_KeepsItWithItsStep()
    {
        using var pending = new PendingMetrics();
        using var scope = NewDisposeScope();
        Tensor logits = zeros([2, 3]), labels = zeros([2], dtype: ScalarType.Int64);
        pending.Add(new PendingStep(7, 2, 2, 0.5), tensor(1f), logits, labels, topK: 1);
        pending.Add(new PendingStep(8, 2, 2, 0.25), tensor(float.NaN), logits, labels, topK: 1);

        var taken = pending.Take();

        Assert.AreEqual(1, taken[0].Loss);
        Assert.IsTrue(double.IsNaN(taken[1].Loss));
        Assert.AreEqual(new PendingStep(8, 2, 2, 0.25), taken[1].Step);
    }
}
