using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

/// <summary>Who owns the tensors, and how many threads may use them.</summary>
[TestClass]
public sealed class ResidualNetworkLifetimeTests
{
    private static readonly ResNetSpecification SmallSpecification =
        new() { Depths = [1, 1], BaseWidth = 8, Stem = ResNetStem.Cifar };

    [TestMethod]
    [DoNotParallelize]
    public void Forward_SixtyFourInParallel_AllAgreeAndLeaveNoTensor()
    {
        using var network = new ResidualNetwork(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20), inputChannels: 3, classCount: 10, seed: 1);
        network.eval();
        using Tensor images = Images(4, 3, 32, 32);
        float[] expected = Score(network, images);
        long before = LiveTensors.CountAfterCollection();

        float[][] scores = new float[64][];
        Parallel.For(0, scores.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => scores[i] = Score(network, images));

        foreach (float[] score in scores)
        {
            CollectionAssert.AreEqual(expected, score);
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Constructor_InsideAScopeAndInferenceMode_OutlivesBothAndTrains()
    {
        ResidualNetwork network;
        using (NewDisposeScope())
        using (inference_mode())
        {
            network = Small();
        }

        using (network)
        using (NewDisposeScope())
        {
            network.forward(Images(2, 3, 8, 8)).sum().backward();
            Assert.IsNotNull(network.ParameterEntries[0].Parameter.grad);
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void Constructor_Fails_LeavesNoTensor()
    {
        long before = LiveTensors.CountAfterCollection();

        // The stages are built before the head, whose 16 TiB (2^31 classes of 2048 floats) no machine has.
        Assert.Throws<Exception>(() => new ResidualNetwork(
            ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet50).ResolveStem(32, 32), inputChannels: 3, classCount: int.MaxValue, seed: 1));

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Dispose_FreesEveryTensor()
    {
        long before = LiveTensors.CountAfterCollection();

        Small().Dispose();

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Dispose_ThenUse_ThrowsObjectDisposed()
    {
        var network = Small();
        network.Dispose();
        network.Dispose();
        using Tensor images = zeros([2, 3, 8, 8]);

        Assert.ThrowsExactly<ObjectDisposedException>(() => network.forward(images));
        Assert.ThrowsExactly<ObjectDisposedException>(() => network.Features(images));
        Assert.ThrowsExactly<ObjectDisposedException>(() => network.CopyStateFrom([]));
    }

    [TestMethod]
    [DoNotParallelize]
    public void Forward_ManyTrainingAndScoringRounds_LeaveNoTensor()
    {
        using var network = new ResidualNetwork(
            SmallSpecification with { Shortcut = ResNetShortcut.ZeroPad, Stem = ResNetStem.ImageNet }, inputChannels: 3, classCount: 4, seed: 1);
        using var optimizer = new StochasticGradientDescent(network.ParameterEntries.Select(entry => new OptimizedParameter(entry.Name, entry.Parameter, HasWeightDecay: false)), momentum: 0.9, weightDecay: 0);
        using Tensor images = Images(4, 3, 16, 16);
        Train(1);
        long before = LiveTensors.CountAfterCollection();

        Train(20);
        Score(20);

        Assert.AreEqual(before, Tensor.TotalCount);

        void Train(int rounds)
        {
            network.train();
            for (int i = 0; i < rounds; i++)
            {
                using DisposeScope scope = NewDisposeScope();
                network.forward(images).norm().backward();
                optimizer.Step(learningRate: 0.01);
            }
        }

        void Score(int rounds)
        {
            network.eval();
            for (int i = 0; i < rounds; i++)
            {
                using IDisposable scoring = inference_mode();
                using Tensor logits = network.forward(images);
            }
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void Forward_OutsideAnyScope_ReturnsTheOnlyNewTensor()
    {
        using var network = Small();
        network.eval();
        using Tensor images = Images(2, 3, 8, 8);
        long before = LiveTensors.CountAfterCollection();

        Tensor logits = network.forward(images);

        Assert.AreEqual(before + 1, Tensor.TotalCount);
        logits.Dispose();
        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    [DoNotParallelize]
    public void To_AnotherType_MovesTheTensorsThatForwardUses()
    {
        using var network = Small();
        network.eval();
        using DisposeScope scope = NewDisposeScope();
        Tensor images = Images(2, 3, 8, 8);
        Tensor expected = network.forward(images);
        long before = LiveTensors.CountAfterCollection();

        network.to(ScalarType.Float64);

        TensorAssert.AreClose(expected, network.forward(images.to(ScalarType.Float64)).to(ScalarType.Float32), 1e-5f);
        Assert.AreEqual(ScalarType.Float64, network.StateEntries[0].Tensor.dtype);
        scope.DisposeEverythingBut(images, expected);
        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static ResidualNetwork Small(long seed = 1) => new(SmallSpecification, inputChannels: 3, classCount: 4, seed);

    private static Tensor Images(params long[] shape) => GoldenFill.Images(shape);

    private static float[] Score(ResidualNetwork network, Tensor images)
    {
        using IDisposable scoring = inference_mode();
        using Tensor logits = network.forward(images);
        return logits.data<float>().ToArray();
    }
}
