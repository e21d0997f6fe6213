using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

/// <summary>The network against PyTorch's numbers.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ResidualNetworkGoldenTests
{
    // The values span about +-5. Between float32 and float64, PyTorch itself differs by up to 1e-5 in evaluation and 3e-5 in training,
    // where two samples' statistics divide by small deviations; other kernels may round as much again.
    private const double EvaluationTolerance = 1e-4;
    private const double TrainingTolerance = 1e-3;

    // One input of the last ReLU of layer1.1 is within 5e-6 of zero, where the kernels of one thread or of SSE 4.1 differ from others: whether its
    // gradient passes changes those of the parameters before it by up to 1e-3 of their norm.
    private const double TieTolerance = 3e-3;

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    public void Forward_FilledWeights_GivesPyTorchsLogitsAndStatistics(ResNetArchitecture architecture)
    {
        GoldenNetwork golden = GoldenNetworks.Of(architecture);
        using ResidualNetwork network = GoldenNetworks.Build(architecture, classCount: 1000);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();

        network.eval();
        foreach (GoldenRun run in golden.Evaluation)
        {
            AssertLogits(run, network.forward(GoldenFill.Images(run.InputShape)), EvaluationTolerance);
        }

        network.train();
        AssertLogits(golden.Training, network.forward(GoldenFill.Images(golden.Training.InputShape)), TrainingTolerance);
        AssertClose([.. GoldenNetworks.Bn1RunningMean], Entry(network, "bn1.running_mean"), 1e-5);
        AssertClose([.. GoldenNetworks.Bn1RunningVariance], Entry(network, "bn1.running_var"), 1e-5);
        Assert.AreEqual(1, Entry(network, "bn1.num_batches_tracked").item<long>());
    }

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow(ResNetArchitecture.ResNet34)]
    [DataRow(ResNetArchitecture.ResNet101)]
    [DataRow(ResNetArchitecture.ResNet152)]
    [DataRow(ResNetArchitecture.WideResNet50_2)]
    public void Forward_FilledWeightsOfALargerNetwork_GivesPyTorchsLogitsAndStatistics(ResNetArchitecture architecture)
        => Forward_FilledWeights_GivesPyTorchsLogitsAndStatistics(architecture);

    [TestMethod]
    public void Backward_FilledResNet18_GivesPyTorchsGradientNorms()
    {
        using ResidualNetwork network = GoldenNetworks.Build(ResNetArchitecture.ResNet18, classCount: 10);
        using DisposeScope scope = NewDisposeScope();

        Tensor logits = network.forward(GoldenFill.Images(2, 3, 64, 64));
        using Tensor plainLoss = nn.functional.cross_entropy(logits, Labels());
        Loss(logits).backward();

        AssertClose(GoldenTraining.FirstLogits, logits, TrainingTolerance);
        Assert.AreEqual(GoldenTraining.FirstLossWithoutSmoothing, plainLoss.item<float>(), 1e-4);
        Dictionary<string, NetworkParameter> parameters = network.ParameterEntries.ToDictionary(entry => entry.Name);
        foreach ((string name, double norm) in GoldenTraining.FirstGradientNorms)
        {
            using Tensor gradient = parameters[name].Parameter.grad!;
            // Relative: norms go from 0.2 to 6. PyTorch's float32 differs from its float64 by less than 1e-6.
            Assert.AreEqual(norm, gradient.norm().item<float>(), (LiesBelowTheTie(name) ? TieTolerance : 1e-4) * norm, name);
        }
    }

    [TestMethod]
    public void Train_FiveStepsOfResNet18_GivesPyTorchsLossesAndWeights()
    {
        using ResidualNetwork network = GoldenNetworks.Build(ResNetArchitecture.ResNet18, classCount: 10);
        using DisposeScope scope = NewDisposeScope();
        using var optimizer = new StochasticGradientDescent(network.ParameterEntries.Select(entry => new OptimizedParameter(entry.Name, entry.Parameter, HasWeightDecay: true)), momentum: 0.9, weightDecay: 1e-4);
        Tensor images = GoldenFill.Images(2, 3, 64, 64);

        network.train();
        for (int step = 0; step < 5; step++)
        {
            Tensor loss = Loss(network.forward(images));
            Assert.AreEqual(GoldenTraining.Losses[step], loss.item<float>(), TrainingTolerance, $"step {step}");
            loss.backward();
            optimizer.Step(learningRate: 0.01);
        }

        using IDisposable withoutGradients = no_grad();
        // Float32 and float64 differ by 1e-7 in PyTorch after five steps.
        AssertClose(GoldenTraining.Bn1RunningMean, Entry(network, "bn1.running_mean"), 1e-4);
        AssertClose(GoldenTraining.Bn1RunningVariance, Entry(network, "bn1.running_var"), 1e-4);
        Assert.AreEqual(5, Entry(network, "bn1.num_batches_tracked").item<long>());
        AssertClose(GoldenTraining.Bn1Weight, Entry(network, "bn1.weight"), TieTolerance);
        AssertClose(GoldenTraining.HeadBias, Entry(network, "fc.bias"), 1e-4);
        AssertClose(GoldenTraining.FirstHeadWeights, FirstValues(Entry(network, "fc.weight"), 16), 1e-4);
        AssertClose(GoldenTraining.FirstConv1Weights, FirstValues(Entry(network, "conv1.weight"), 16), TieTolerance);
        network.eval();
        AssertClose(GoldenTraining.LastEvaluationLogits, network.forward(images), TrainingTolerance);
        network.train();
        Assert.AreEqual(GoldenTraining.Losses[5], Loss(network.forward(images)).item<float>(), TrainingTolerance);
    }

    private static bool LiesBelowTheTie(string name) => name.StartsWith("conv1.", StringComparison.Ordinal) || name.StartsWith("bn1.", StringComparison.Ordinal) || name.StartsWith("layer1.", StringComparison.Ordinal);

    private static Tensor Labels() => tensor(new long[] { 3, 7 });

    private static Tensor Loss(Tensor logits) => nn.functional.cross_entropy(logits, Labels(), label_smoothing: 0.1);

    private static Tensor Entry(ResidualNetwork network, string name) => network.StateEntries.Single(entry => entry.Name == name).Tensor;

    private static Tensor FirstValues(Tensor tensor, int count) => tensor.reshape(-1).slice(0, 0, count, 1);

    private static void AssertLogits(GoldenRun golden, Tensor logits, double tolerance)
    {
        CollectionAssert.AreEqual(new[] { golden.InputShape[0], 1000 }, logits.shape);
        AssertClose(golden.FirstLogits, logits.slice(1, 0, 16, 1), tolerance);
        // A sum of 1000 logits whose errors are independent errs about sqrt(1000) times as much as one; 100 leaves room.
        AssertClose(golden.Sums, logits.sum(1), 100 * tolerance);
        CollectionAssert.AreEqual(golden.ArgMax, logits.argmax(1).data<long>().ToArray());
    }

    private static void AssertClose(double[] expected, Tensor actual, double tolerance)
    {
        double[] values = actual.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();
        Assert.AreEqual(expected.Length, values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.AreEqual(expected[i], values[i], tolerance, $"value {i}");
        }
    }
}
