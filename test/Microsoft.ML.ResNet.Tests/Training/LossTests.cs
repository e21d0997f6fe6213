using TorchSharp;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>The loss that the training loop takes from torch, against hand arithmetic: a new torch version must not change its meaning.</summary>
[TestClass]
public sealed class LossTests
{
    [TestMethod]
    public void CrossEntropy_WithAndWithoutSmoothing_EqualsHandArithmetic()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor logits = torch.tensor(new[,] { { 2f, 1f, 0f } }), target = torch.tensor(new[] { 0L });

        // log(1 + e^-1 + e^-2), and a tenth of the mean distance of the logits from it.
        Assert.AreEqual(0.40760595f, cross_entropy(logits, target).item<float>(), 1e-6f);
        Assert.AreEqual(0.5076059f, cross_entropy(logits, target, label_smoothing: 0.1).item<float>(), 1e-6f);
    }
}
