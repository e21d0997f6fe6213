using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>Where a fitted network's weights are.</summary>
[TestClass]
public sealed class ImageScorerTests
{
    private static readonly InputFormat Format = InputFormat.Of(8, 8, PixelRange.ZeroTo255, [0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);

    [TestMethod]
    [DoNotParallelize]
    public void Create_AnotherDevice_LeavesTheWeightsOnTheCpuUntilUsed()
    {
        long tensors = LiveTensors.CountAfterCollection();
        var network = new ResidualNetwork(PixelRows.TinyNetwork, inputChannels: 3, classCount: 3, seed: 1);

        // The device "meta" has shapes and no memory; it is there on every machine.
        using (var scorer = new ImageScorer(network, Format, new ScoringDevice(new torch.Device(DeviceType.META), torch.ScalarType.Float32, HasVectorKernels: false, Fused: null), NetworkOutput.Probabilities, "test"))
        {
            Assert.IsTrue(scorer.Network.StateEntries.All(entry => entry.Tensor.device_type == DeviceType.CPU));
            Assert.ThrowsExactly<ExternalException>(() => Score(scorer), "Nothing is computed on the device 'meta'.");
            Assert.IsTrue(scorer.Network.StateEntries.All(entry => entry.Tensor.device_type == DeviceType.CPU), "What is saved and exported stays on the CPU.");
        }

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Create_NotUsed_HoldsTheWeightsAlone()
    {
        long tensors = LiveTensors.CountAfterCollection();
        var network = new ResidualNetwork(PixelRows.TinyNetwork, inputChannels: 3, classCount: 3, seed: 1);
        long weights = torch.Tensor.TotalCount - tensors;

        using var scorer = new ImageScorer(network, Format, FusedOperators.Device(), NetworkOutput.Probabilities, "test");

        Assert.AreEqual(weights, torch.Tensor.TotalCount - tensors);
        Score(scorer);
        Assert.IsGreaterThan(weights, torch.Tensor.TotalCount - tensors);
    }

    private static void Score(ImageScorer scorer) => scorer.Score(new byte[Format.ByteCount], 1, new float[scorer.OutputLength]);
}
