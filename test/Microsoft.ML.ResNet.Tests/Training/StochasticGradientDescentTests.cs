using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Training;
using TorchSharp;
using TorchSharp.Modules;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class StochasticGradientDescentTests
{
    [TestMethod]
    public void Step_ThreeTimes_EqualsHandArithmetic()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.tensor(new[] { 1f }));
        var bias = new Parameter(torch.tensor(new[] { 1f }));
        using var optimizer = new StochasticGradientDescent([new("weight", weight, true), new("bias", bias, false)], momentum: 0.9, weightDecay: 0.1);

        foreach (float gradient in new[] { 1f, 2f, -1f })
        {
            (weight.Plus(bias) * torch.tensor(gradient)).sum().backward();
            optimizer.Step(learningRate: 0.5);
        }

        // weight: v = 1.1, w = 0.45; v = 0.99 + 2.045 = 3.035, w = -1.0675; v = 2.7315 - 1.10675 = 1.62475, w = -1.879875.
        Assert.AreEqual(-1.879875f, weight.item<float>(), 1e-6f);

        // bias, without decay: v = 1, b = 0.5; v = 2.9, b = -0.95; v = 1.61, b = -1.755.
        Assert.AreEqual(-1.755f, bias.item<float>(), 1e-6f);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Step_LeavesNoTensorAndNoGradient()
    {
        using var scope = torch.NewDisposeScope();
        var weight = new Parameter(torch.ones(4, 4));
        using var optimizer = new StochasticGradientDescent([new("weight", weight, true)], momentum: 0.9, weightDecay: 0.1);
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
}
