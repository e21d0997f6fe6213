using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class ExponentialMovingAverageTests
{
    [TestMethod]
    public void Update_FollowsTheWeightsByTheDecay()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new ResidualNetwork(PixelRows.TinyNetwork, 3, 3, seed: 1);
        Fill(0);
        using var average = new ExponentialMovingAverage(network, decay: 0.9, torch.CPU);

        Fill(1);
        average.Update(step: 0);
        float first = Value();
        Fill(2);
        average.Update(step: 1000);

        // The first decay is 1/10, the later one 0.9: 0.9 * 1, then 0.9 * 0.9 + 0.1 * 2.
        Assert.AreEqual(0.9f, first, 1e-6f);
        Assert.AreEqual(1.01f, Value(), 1e-6f);

        void Fill(float value)
        {
            using var noGradient = torch.no_grad();
            network.StateEntries.First(entry => entry.Name == "conv1.weight").Tensor.copy_(torch.tensor(value));
        }

        float Value() => average.Network.StateEntries.First(entry => entry.Name == "conv1.weight").Tensor.mean().item<float>();
    }
}
