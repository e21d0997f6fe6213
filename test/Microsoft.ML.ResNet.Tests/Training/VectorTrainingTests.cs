using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>Steps by this library's own kernels, beside those by libtorch's automatic differentiation.</summary>
[TestClass]
[DoNotParallelize]
public sealed class VectorTrainingTests
{
    private static readonly ResNetSpecification ResNet20 = ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20);

    public static IEnumerable<object[]> Networks =>
    [
        ["ResNet20", ResNet20, 3, 32, 30],
        ["zero-pad shortcuts, odd sizes", ResNet20 with { Shortcut = ResNetShortcut.ZeroPad }, 3, 27, 33],
        ["ResNet18 with the ImageNet stem, one channel", ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet18) with { Stem = ResNetStem.ImageNet }, 1, 67, 64],
        ["bottlenecks", new ResNetSpecification { Block = ResNetBlock.Bottleneck, Depths = [1, 2], Widths = [16, 32], Stem = ResNetStem.ImageNet }, 3, 45, 50],
    ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Backward_EveryKindOfNetwork_GivesAutogradsGradients(string name, ResNetSpecification specification, int channels, int height, int width)
    {
        foreach (bool freezes in new[] { false, true })
        {
            using var scope = torch.NewDisposeScope();
            using ResidualNetwork expected = Create(specification, channels, height, width, freezes), actual = Create(specification, channels, height, width, freezes);
            using var autograd = new AutogradTraining(expected);
            using var vectors = Vectors(actual);
            foreach (int count in new[] { 4, 2 })
            {
                torch.Tensor images = torch.randn([count, channels, height, width], generator: new torch.Generator((ulong)count));

                torch.Tensor expectedLogits = Step(autograd, images), logits = Step(vectors, images);

                AssertClose(expectedLogits, logits, $"{name}: logits of {count}");
                foreach (var (reference, parameter) in expected.ParameterEntries.Zip(actual.ParameterEntries).Reverse())
                {
                    AssertClose(reference.Parameter.grad!, parameter.Parameter.grad!, $"{name}: gradient of {parameter.Name}");
                    reference.Parameter.grad = null;
                    parameter.Parameter.grad = null;
                }
            }

            foreach (var (reference, entry) in expected.StateEntries.Zip(actual.StateEntries))
            {
                AssertClose(reference.Tensor.to(torch.float32), entry.Tensor.to(torch.float32), $"{name}: {entry.Name}");
            }
        }
    }

    /// <summary>
    /// With the statistics of all layers kept, the gradients of what is trained are those of a training of everything; with them taken from the batches, both ways have the same.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Backward_FrozenStages_HaveNoGradientsAndTheOthersTheirs(string name, ResNetSpecification specification, int channels, int height, int width)
    {
        foreach (int stages in Enumerable.Range(1, specification.Depths.Count))
        {
            using var scope = torch.NewDisposeScope();
            using ResidualNetwork whole = Create(specification, channels, height, width, freezes: true), kept = Create(specification, channels, height, width, freezes: true, stages);
            using ResidualNetwork byOperators = Create(specification, channels, height, width, freezes: false, stages), byStages = Create(specification, channels, height, width, freezes: false, stages);
            using ResidualNetwork byKernels = Create(specification, channels, height, width, freezes: false, stages);
            using AutogradTraining wholeTraining = new(whole), operators = new(byOperators), stagewise = new(byStages, byStages: true);
            using VectorTraining keptTraining = Vectors(kept), kernels = Vectors(byKernels);
            Dictionary<string, float[]> before = ValuesOf(byKernels);
            foreach (int count in new[] { 4, 2 })
            {
                torch.Tensor images = torch.randn([count, channels, height, width], generator: new torch.Generator((ulong)count));
                AssertClose(Step(wholeTraining, images), Step(keptTraining, images), $"{name}, {stages}: logits of {count}");
                torch.Tensor expected = Step(operators, images);
                AssertClose(expected, Step(kernels, images), $"{name}, {stages}: logits of {count}");
                AssertClose(expected, Step(stagewise, images), $"{name}, {stages}: logits of {count} by stages");
                AssertGradients(whole, kept, kept.IsFrozen, name);
                AssertGradients(byOperators, byKernels, kept.IsFrozen, name);
                AssertGradients(byOperators, byStages, kept.IsFrozen, name);
                foreach (NetworkParameter entry in new[] { whole, kept, byOperators, byStages, byKernels }.SelectMany(network => network.ParameterEntries))
                {
                    entry.Parameter.grad = null;
                }
            }

            foreach (var (entry, values) in ValuesOf(byKernels))
            {
                if (kept.IsFrozen(entry))
                {
                    CollectionAssert.AreEqual(before[entry], values, entry);
                }
                else if (entry.Contains("running_mean", StringComparison.Ordinal))
                {
                    CollectionAssert.AreNotEqual(before[entry], values, entry);
                }
            }

            foreach (ResidualNetwork other in new[] { byOperators, byStages })
            {
                foreach (var (reference, entry) in other.StateEntries.Zip(byKernels.StateEntries))
                {
                    AssertClose(reference.Tensor.to(torch.float32), entry.Tensor.to(torch.float32), $"{name}, {stages}: {entry.Name}");
                }
            }
        }
    }

    [TestMethod]
    public void Backward_OfTheSameBatches_GivesTheSameBits()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor images = torch.randn([8, 3, 32, 32], generator: new torch.Generator(1));
        byte[][] gradients = [.. Enumerable.Range(0, 3).Select(_ =>
        {
            using ResidualNetwork network = Create(ResNet20, 3, 32, 32, freezes: false);
            using VectorTraining training = Vectors(network);
            Step(training, images);
            return network.ParameterEntries.SelectMany(entry => entry.Parameter.grad!.contiguous().bytes.ToArray()).ToArray();
        })];

        CollectionAssert.AreEqual(gradients[0], gradients[1]);
        CollectionAssert.AreEqual(gradients[0], gradients[2]);
    }

    [TestMethod]
    public void Forward_SingleImageOfOnePixelInTheLastStage_IsRefused()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = Create(ResNet20, 3, 4, 4, freezes: false);
        using VectorTraining training = Vectors(network);

        InvalidOperationException exception = Assert.ThrowsExactly<InvalidOperationException>(() => training.Forward(torch.zeros(1, 3, 4, 4)));

        StringAssert.Contains(exception.Message, "leaves fewer than two values a channel in the last stage");
    }

    [TestMethod]
    public void Step_ManyTimes_LeavesNoTensor()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = Create(ResNet20, 3, 32, 32, freezes: false);
        using VectorTraining training = Vectors(network);
        torch.Tensor images = torch.randn(4, 3, 32, 32);
        InScope();
        long before = LiveTensors.CountAfterCollection();

        for (int i = 0; i < 5; i++)
        {
            InScope();
        }

        Assert.AreEqual(before, torch.Tensor.TotalCount);

        void InScope()
        {
            using var step = torch.NewDisposeScope();
            Step(training, images);
        }
    }

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18, true)]
    [DataRow(ResNetArchitecture.ResNet152, true)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, false)]
    public void Supports_NetworksWithoutGroups_Only(ResNetArchitecture architecture, bool expected)
    {
        VectorInstructions.Require();
        using var network = new ResidualNetwork(ResNetSpecification.FromArchitecture(architecture).ResolveStem(64, 64), 3, 2, seed: 1);

        Assert.AreEqual(expected, VectorTraining.Supports(network, torch.CPU));
        Assert.IsFalse(VectorTraining.Supports(network, new torch.Device(DeviceType.META)));
    }

    private static VectorTraining Vectors(ResidualNetwork network)
    {
        VectorInstructions.Require();
        return new VectorTraining(network);
    }

    private static ResidualNetwork Create(ResNetSpecification specification, int channels, int height, int width, bool freezes, int stages = 0)
    {
        var network = new ResidualNetwork(specification.ResolveStem(height, width), channels, 5, seed: 3) { FreezesStatistics = freezes, FrozenStages = stages };
        network.train();
        return network;
    }

    private static Dictionary<string, float[]> ValuesOf(ResidualNetwork network)
        => network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor.to(torch.float32).contiguous().data<float>().ToArray());

    /// <summary>Fails unless both have the same gradients of what isn't frozen, and the second none of what is.</summary>
    private static void AssertGradients(ResidualNetwork expected, ResidualNetwork actual, Func<string, bool> isFrozen, string name)
    {
        foreach (var (reference, parameter) in expected.ParameterEntries.Zip(actual.ParameterEntries).Reverse())
        {
            if (isFrozen(parameter.Name))
            {
                Assert.IsNull(parameter.Parameter.grad, parameter.Name);
            }
            else
            {
                AssertClose(reference.Parameter.grad!, parameter.Parameter.grad!, $"{name}: gradient of {parameter.Name}");
            }
        }
    }

    private static torch.Tensor Step(INetworkTraining training, torch.Tensor images)
    {
        torch.Tensor logits = training.Forward(images);
        torch.Tensor loss = (logits * Waves(logits)).sum().Plus((logits * logits).mean());
        training.Backward(loss);
        return logits.detach();
    }

    private static torch.Tensor Waves(torch.Tensor like)
        => torch.tensor(Enumerable.Range(0, (int)like.numel()).Select(i => MathF.Sin(i)).ToArray(), like.shape);

    private static void AssertClose(torch.Tensor expected, torch.Tensor actual, string what)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape, what);
        double difference = (expected - actual).norm().item<float>() / (1e-6 + expected.norm().item<float>());
        Assert.IsLessThan(2e-4, difference, what);
    }
}
