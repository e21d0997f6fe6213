using Microsoft.ML.ResNet.Training;
using TorchSharp;
using AdamW = Microsoft.ML.ResNet.Training.AdamW;
using Parameter = TorchSharp.Modules.Parameter;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>Three steps with given gradients, against PyTorch 1.13.</summary>
[TestClass]
public sealed class OptimizerTests
{
    [TestMethod]
    public void AdamW_ThreeSteps_EqualsPyTorch()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.tensor(new[] { 1f, -2f }));
        var bias = new Parameter(torch.tensor(new[] { 0.5f }));
        using var optimizer = new AdamW([new("weight", weight, true), new("bias", bias, false)], beta1: 0.9, beta2: 0.99, weightDecay: 0.1);

        foreach (float[] gradient in new float[][] { [1, -0.5f, 2], [0.2f, 0.3f, -1], [-3, 0, 0.1f] })
        {
            weight.grad = torch.tensor(gradient[..2]);
            bias.grad = torch.tensor(gradient[2..]);
            optimizer.Step(learningRate: 0.01);
        }

        AssertClose([0.9830220341682434f, -1.9806257486343384f], weight);
        AssertClose([0.4849821627140045f], bias);
    }

    [TestMethod]
    public void Nesterov_ThreeSteps_EqualsPyTorch()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.tensor(new[] { 1f, -2f }));
        using var optimizer = new StochasticGradientDescent([new("weight", weight, true)], momentum: 0.9, weightDecay: 0.01, nesterov: true);

        foreach (float[] gradient in new float[][] { [1, -0.5f], [0.2f, 0.3f], [-3, 0] })
        {
            weight.grad = torch.tensor(gradient);
            optimizer.Step(learningRate: 0.1);
        }

        AssertClose([1.1649662256240845f, -1.8936861753463745f], weight);
    }

    [TestMethod]
    public void RateScale_ScalesTheLearningRate()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.tensor(new[] { 1f }));
        using var optimizer = new StochasticGradientDescent([new("weight", weight, false, RateScale: 0.5)], momentum: 0.9, weightDecay: 0);
        weight.grad = torch.tensor(new[] { 1f });

        optimizer.Step(learningRate: 0.1);

        AssertClose([0.95f], weight);
    }

    [TestMethod]
    [DoNotParallelize]
    public void AdamW_Step_LeavesNoTensorAndNoGradient()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.ones(4, 4));
        using var optimizer = new AdamW([new("weight", weight, true)], 0.9, 0.999, 0.1);
        Step();
        long before = LiveTensors.CountAfterCollection();

        for (int i = 0; i < 10; i++)
        {
            Step();
        }

        Assert.AreEqual(before, torch.Tensor.TotalCount);
        Assert.IsNull(weight.grad);

        void Step()
        {
            using var step = torch.NewDisposeScope();
            (weight * weight).sum().backward();
            optimizer.Step(0.01);
        }
    }

    /// <summary>Values that don't fill vectors, pieces that end within a parameter, and gradients laid out otherwise, all as libtorch computes them.</summary>
    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    public void Step_AnyLayout_EqualsTorchSharpsOptimizer(bool nesterov, bool adam)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1);
        torch.Tensor[] starts =
        [
            torch.randn(37, generator: generator),
            torch.randn([129, 17, 3, 3], generator: generator),
            torch.randn([48, 3, 3, 32], generator: generator).permute(0, 3, 1, 2),
            torch.randn([5, 1, 1, 1], generator: generator),
            torch.randn([40, 6], generator: generator).narrow(1, 1, 3),
        ];
        Parameter[] ours = [.. starts.Select(Copy)], theirs = [.. starts.Select(Copy)];
        using IOptimizer optimizer = adam
            ? new AdamW(ours.Select((weight, i) => new OptimizedParameter($"{i}", weight, true)), 0.9, 0.99, 0.1)
            : new StochasticGradientDescent(ours.Select((weight, i) => new OptimizedParameter($"{i}", weight, true)), 0.9, 0.01, nesterov);
        using torch.optim.Optimizer expected = adam
            ? torch.optim.AdamW(theirs, 0.05, 0.9, 0.99, 1e-8, 0.1)
            : torch.optim.SGD(theirs, 0.05, 0.9, weight_decay: 0.01, nesterov: nesterov);

        for (int step = 0; step < 3; step++)
        {
            for (int i = 0; i < ours.Length; i++)
            {
                // Contiguous, whatever the parameter is.
                torch.Tensor gradient = torch.randn(ours[i].shape, generator: generator);
                ours[i].grad = gradient.clone();
                theirs[i].grad = gradient.clone();
            }

            optimizer.Step(0.05);
            expected.step();
        }

        for (int i = 0; i < ours.Length; i++)
        {
            Assert.IsTrue(torch.allclose(theirs[i], ours[i], 1e-5, 1e-6), $"parameter {i}: {(theirs[i] - ours[i]).abs().max().item<float>()}");
        }

        // With the layout that it has, gaps and all.
        static Parameter Copy(torch.Tensor tensor)
        {
            long length = tensor.shape.Zip(tensor.stride(), (size, stride) => (size - 1) * stride).Sum() + 1;
            return new Parameter(torch.zeros(length).as_strided(tensor.shape, tensor.stride()).copy_(tensor));
        }
    }

    [TestMethod]
    public void GradientClipping_LongGradient_IsScaledToTheNorm()
    {
        using var scope = torch.NewDisposeScope();
        Parameter first = new(torch.zeros(2)), second = new(torch.zeros(1)), without = new(torch.zeros(1));
        first.grad = torch.tensor(new[] { 2f, 3f });
        second.grad = torch.tensor(new[] { 6f });

        double norm = GradientClipping.Apply([first, second, without], maximumNorm: 3.5);

        // The norm of (2, 3, 6) is 7: all are halved.
        Assert.AreEqual(7, norm, 1e-5);
        AssertClose([1, 1.5f], first.grad!);
        AssertClose([3], second.grad!);
        GradientClipping.Apply([first, second], maximumNorm: 100);
        AssertClose([3], second.grad!);
    }

    private static void AssertClose(float[] expected, torch.Tensor actual)
    {
        float[] values = actual.data<float>().ToArray();
        Assert.HasCount(expected.Length, values);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], values[i], 2e-6f, $"value {i}");
        }
    }
}
