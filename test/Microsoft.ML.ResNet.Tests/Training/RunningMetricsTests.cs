using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class RunningMetricsTests
{
    [TestMethod]
    public void With_BatchesOfTwoAndOne_MeansAreOverImages()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor logits = torch.tensor(new[,] { { 3f, 2f, 1f }, { 1f, 3f, 2f } });

        // Two of two right, then none of one, whose class is the second most probable.
        RunningMetrics metrics = new RunningMetrics()
            .With(loss: 1, logits, torch.tensor(new[] { 0L, 1L }), topK: 2)
            .With(loss: 4, logits.narrow(0, 0, 1), torch.tensor(new[] { 1L }), topK: 2);

        Assert.AreEqual(2.0 / 3, metrics.Accuracy);
        Assert.AreEqual(1.0, metrics.TopKAccuracy);
        Assert.AreEqual(2.0, metrics.Loss);
        Assert.AreEqual(3, metrics.ImageCount);
    }
}
