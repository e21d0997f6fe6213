using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Native;

/// <summary>Steps for all parameters at once, which GPUs take, beside those of the CPU.</summary>
[TestClass]
public sealed class ForeachOperationsTests
{
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Momentum_SeveralSteps_EqualsTheStepByParameter(bool nesterov)
        => AssertSameSteps((parameters, operations) => new StochasticGradientDescent(parameters, 0.9, 0.05, nesterov, operations));

    [TestMethod]
    public void Adam_SeveralSteps_EqualsTheStepByParameter()
        => AssertSameSteps((parameters, operations) => new AdamW(parameters, 0.9, 0.99, 0.05, operations));

    [TestMethod]
    [DataRow(1e-3)]
    [DataRow(1e3)]
    public void Clip_AnyLimit_EqualsTheClippingOneByOne(double limit)
    {
        using ResidualNetwork one = Network(), other = Network();
        SetGradients(one, seed: 5);
        SetGradients(other, seed: 5);

        GradientClipping.Apply(one.ParameterEntries.Select(entry => entry.Parameter), limit);
        GradientClipping.Apply(ForeachOperations.Instance!, other.ParameterEntries.Select(entry => entry.Parameter), limit);

        foreach (var (left, right) in one.ParameterEntries.Zip(other.ParameterEntries))
        {
            AssertClose(left.Parameter.grad!, right.Parameter.grad!, left.Name);
        }
    }

    [TestMethod]
    public void Average_SeveralSteps_EqualsTheAverageOneByOne()
    {
        using ResidualNetwork network = Network();
        using var one = new ExponentialMovingAverage(network, 0.99, CPU);
        using var other = new ExponentialMovingAverage(network, 0.99, CPU, ForeachOperations.Instance!);
        for (int step = 0; step < 3; step++)
        {
            using (no_grad())
            using (NewDisposeScope())
            {
                foreach (var (_, tensor) in network.StateEntries)
                {
                    tensor.copy_(tensor.is_floating_point() ? rand_like(tensor) : ones_like(tensor));
                }
            }

            one.Update(step);
            other.Update(step);
        }

        foreach (var (left, right) in one.Network.StateEntries.Zip(other.Network.StateEntries))
        {
            AssertClose(left.Tensor, right.Tensor, left.Name);
        }
    }

    private static void AssertSameSteps(Func<IEnumerable<OptimizedParameter>, ForeachOperations?, IOptimizer> create)
    {
        Assert.IsNotNull(ForeachOperations.Instance);
        using ResidualNetwork one = Network(), other = Network();
        using IOptimizer first = create(Parameters(one), null), second = create(Parameters(other), ForeachOperations.Instance);
        for (int step = 0; step < 3; step++)
        {
            SetGradients(one, step);
            SetGradients(other, step);
            first.Step(0.1);
            second.Step(0.1);
        }

        foreach (var (left, right) in one.ParameterEntries.Zip(other.ParameterEntries))
        {
            AssertClose(left.Parameter, right.Parameter, left.Name);
            Assert.IsNull(right.Parameter.grad);
        }
    }

    private static ResidualNetwork Network()
        => new(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20).ResolveStem(32, 32), 3, 4, seed: 1);

    /// <summary>Two rates and two decays.</summary>
    private static IEnumerable<OptimizedParameter> Parameters(ResidualNetwork network)
        => network.ParameterEntries.Select((entry, i) => new OptimizedParameter(entry.Name, entry.Parameter, i % 2 == 0, i % 3 == 0 ? 0.1 : 1));

    private static void SetGradients(ResidualNetwork network, long seed)
    {
        using var generator = new Generator((ulong)seed);
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            Tensor gradient = empty_like(entry.Parameter);
            using (no_grad())
            using (Tensor values = rand(entry.Parameter.shape, generator: generator))
            {
                gradient.copy_(values);
            }

            entry.Parameter.grad = gradient;
        }
    }

    private static void AssertClose(Tensor expected, Tensor actual, string name)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        float difference = (expected - actual).to(ScalarType.Float32).abs().max().item<float>();
        Assert.IsLessThan(2e-6f, difference, name);
        Assert.IsTrue(expected.isfinite().all().item<bool>(), name);
    }
}
