using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>The loss against hand arithmetic and PyTorch 1.13: a new torch version must not change its meaning.</summary>
[TestClass]
public sealed class LossTests
{
    // log(1 + e^-1 + e^-2), and one more for the second class.
    private const float First = 0.40760595f, Second = 1.40760595f;

    [TestMethod]
    [DataRow(0.0, First)]
    [DataRow(0.1, 0.5076059f)]
    public void Mean_OneRow_EqualsHandArithmetic(double smoothing, float expected)
        => Assert.AreEqual(expected, Mean(smoothing, null, [0]), 1e-6f);

    [TestMethod]
    [DataRow(0.0, 1.1576059f)]
    [DataRow(0.1, 1.15914583f)]
    public void Mean_ClassWeights_IsTheWeightedMean(double smoothing, float expected)
        => Assert.AreEqual(expected, Mean(smoothing, [1, 3, 1], [0, 1]), 1e-6f);

    [TestMethod]
    public void Mean_ClassWeightsThatDoNotCountYet_IsThePlainMean()
        => Assert.AreEqual((First + Second) / 2, Mean(0, [1, 3, 1], [0, 1], weighsClasses: false), 1e-6f);

    [TestMethod]
    public void Mean_ExampleWeights_IsTheWeightedMean()
    {
        Assert.AreEqual(((First * 1) + (Second * 3)) / 4, Mean(0, null, [0, 1], [1, 3]), 1e-6f);
        Assert.AreEqual(((First * 2 * 1) + (Second * 3 * 3)) / 11, Mean(0, [2, 3, 1], [0, 1], [1, 3]), 1e-6f);
        Assert.AreEqual(0, Mean(0, null, [0, 1], [0, 0]), 1e-6f);
    }

    [TestMethod]
    public void Mean_MixedLabels_IsTheMeanByShares()
    {
        Assert.AreEqual((0.75f * First) + (0.25f * Second), Mean(0, null, [0], mixed: ([1], [0.75f])), 1e-6f);

        // Class weights 1 and 3: the sum of 0.75 * 1 * first and 0.25 * 3 * second over 0.75 * 1 + 0.25 * 3.
        Assert.AreEqual(((0.75f * First) + (0.75f * Second)) / 1.5f, Mean(0, [1, 3, 1], [0], mixed: ([1], [0.75f])), 1e-6f);
    }

    private static float Mean(double smoothing, float[]? classWeights, long[] labels, float[]? weights = null, (long[] Labels, float[] Shares)? mixed = null, bool weighsClasses = true)
    {
        using var scope = torch.NewDisposeScope();
        using var loss = new TrainingLoss(smoothing, classWeights is null ? null : torch.tensor(classWeights));
        torch.Tensor logits = torch.tensor(new[] { 2f, 1f, 0f }).repeat(labels.Length, 1);
        var batch = new TrainingBatch(
            torch.zeros(1),
            torch.tensor(labels),
            weights is null ? null : torch.tensor(weights),
            mixed is { } other ? new MixedLabels(torch.tensor(other.Labels), torch.tensor(other.Shares)) : null);
        return loss.Mean(logits, batch, weighsClasses).item<float>();
    }
}
