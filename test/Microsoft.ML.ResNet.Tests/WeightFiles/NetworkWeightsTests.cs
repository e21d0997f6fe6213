using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.WeightFiles;

[TestClass]
public sealed class NetworkWeightsTests
{
    /// <summary>Values whose sum is too large for float32 are finite all the same.</summary>
    [TestMethod]
    [DataRow(3e38f, 3e38f, 0)]
    [DataRow(float.PositiveInfinity, float.NegativeInfinity, 2)]
    [DataRow(float.NaN, 3e38f, 1)]
    public void NonFiniteCount_LargeAndNonFiniteValues_CountsTheLatter(float first, float second, int expected)
    {
        using var network = new ResidualNetwork(PixelRows.TinyNetwork, 3, 5, seed: 1);
        using (no_grad())
        using (Tensor values = tensor([first, second, 1, 2, 3]))
        {
            network.StateEntries[^1].Tensor.copy_(values);
        }

        Assert.AreEqual(expected, NetworkWeights.NonFiniteCount(network));
    }
}
