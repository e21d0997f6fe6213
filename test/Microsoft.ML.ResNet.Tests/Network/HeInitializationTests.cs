using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class HeInitializationTests
{
    // sqrt(2 / (out * kernel^2)) by hand.
    [TestMethod]
    [DataRow("conv1.weight", 0.025253814)]
    [DataRow("layer1.0.conv1.weight", 0.058925565)]
    [DataRow("layer2.0.conv1.weight", 0.041666667)]
    [DataRow("layer2.0.downsample.0.weight", 0.125)]
    [DataRow("layer4.1.conv2.weight", 0.020833333)]
    public void Convolution_LayersOfResNet18_ExpectedDeviationIsHes(string name, double expected)
        => Assert.AreEqual(expected, ExpectedDeviation(ResNet18Convolutions().Single(plan => $"{plan.Name}.weight" == name)), 1e-9);

    [TestMethod]
    public void Convolution_EveryLayerOfResNet18_HasHesMeanAndDeviation()
    {
        using var initialization = new HeInitialization(seed: 1);
        foreach (ConvolutionPlan plan in ResNet18Convolutions())
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor weight = initialization.Convolution(plan).to(ScalarType.Float64);
            double count = weight.numel();
            double expected = ExpectedDeviation(plan);

            // Of n normal values the mean has the deviation s / sqrt(n), and the deviation itself s / sqrt(2n); five of each. A wrong fan
            // is off by a tenth at least (fan-in in place of fan-out: a factor of 1.4 or more in conv1 and where a stage widens).
            Assert.AreEqual(0, weight.mean().item<double>(), 5 * expected / Math.Sqrt(count), plan.Name);
            Assert.AreEqual(expected, weight.std().item<double>(), 5 * expected / Math.Sqrt(2 * count), plan.Name);
        }
    }

    [TestMethod]
    public void Convolution_Grouped_FanOutIsThatOfAllGroups()
    {
        using var initialization = new HeInitialization(seed: 1);
        var plan = new ConvolutionPlan("conv2", "bn2", 1024, 1024, Kernel: 3, Groups: 32);
        using Tensor weight = initialization.Convolution(plan);
        using Tensor deviation = weight.std();

        // As in PyTorch, whose fan-out is weight.size(0) * 9. 294,912 values: five deviations are 0.65 %.
        Assert.AreEqual(Math.Sqrt(2.0 / (1024 * 9)), deviation.item<float>(), 0.0065 * Math.Sqrt(2.0 / (1024 * 9)));
    }

    [TestMethod]
    public void Linear_IsUniformWithinTheRootOfTheFanIn()
    {
        using var initialization = new HeInitialization(seed: 1);
        using DisposeScope scope = NewDisposeScope();
        double bound = 1 / Math.Sqrt(512);

        Tensor weight = initialization.Linear([1000, 512], fanIn: 512).to(ScalarType.Float64);

        // Of 512,000 uniform values the largest falls short of the bound by 2e-6 of it on average; the deviation is bound / sqrt(3).
        Assert.AreEqual(bound, weight.abs().max().item<double>(), 1e-4 * bound);
        Assert.AreEqual(bound / Math.Sqrt(3), weight.std().item<double>(), 0.005 * bound);
        Assert.AreEqual(0, weight.mean().item<double>(), 5 * bound / Math.Sqrt(3 * 512_000));
    }

    private static IEnumerable<ConvolutionPlan> ResNet18Convolutions()
        => NetworkPlan.Of(new ResNetSpecification { Stem = ResNetStem.ImageNet }, inputChannels: 3, classCount: 1000).Convolutions;

    private static double ExpectedDeviation(ConvolutionPlan plan) => Math.Sqrt(2.0 / (plan.OutputChannels * plan.Kernel * plan.Kernel));
}
