using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class ResidualNetworkTests
{
    private static readonly ResNetSpecification SmallSpecification =
        new() { Depths = [1, 1], BaseWidth = 8, Stem = ResNetStem.Cifar };

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet34)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    [DataRow(ResNetArchitecture.ResNet20)]
    [DataRow(ResNetArchitecture.ResNet32)]
    [DataRow(ResNetArchitecture.ResNet44)]
    [DataRow(ResNetArchitecture.ResNet56)]
    [DataRow(ResNetArchitecture.ResNet110)]
    public void Constructor_EveryArchitecture_HasTheStateThatTheLayoutForetells(ResNetArchitecture architecture)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture).ResolveStem(224, 224);
        IReadOnlyList<StateEntryLayout> layout = StateDictLayout.Of(specification, inputChannels: 1, classCount: 5);

        using var network = new ResidualNetwork(specification, inputChannels: 1, classCount: 5, seed: 1);

        CollectionAssert.AreEqual(
            layout.Select(entry => $"{entry.Name} [{string.Join(",", entry.Shape)}] {entry.Type}").ToArray(),
            network.StateEntries.Select(entry => $"{entry.Name} [{string.Join(",", entry.Tensor.shape)}] {entry.Tensor.dtype}").ToArray());
        CollectionAssert.AreEqual(
            layout.Where(entry => entry.IsParameter).Select(entry => entry.Name).ToArray(),
            network.ParameterEntries.Select(entry => entry.Name).ToArray());
        CollectionAssert.AreEqual(
            network.ParameterEntries.Select(entry => entry.Name).ToArray(),
            network.named_parameters().Select(entry => entry.name).ToArray());
    }

    /// <summary>What is copied or read next need not be drawn.</summary>
    [TestMethod]
    public void Constructor_WithoutSeed_HasWeightsOfZeroInTheSameLayout()
    {
        using ResidualNetwork drawn = new(SmallSpecification, 3, 5, seed: 1), network = new(SmallSpecification, 3, 5, seed: null);

        foreach (var (entry, other) in network.StateEntries.Zip(drawn.StateEntries))
        {
            bool isDrawn = entry.Tensor.dim() == 4 || entry.Name.StartsWith("fc.", StringComparison.Ordinal);
            Assert.AreEqual(isDrawn ? 0 : other.Tensor.to(ScalarType.Float32).abs().sum().item<float>(), entry.Tensor.to(ScalarType.Float32).abs().sum().item<float>(), entry.Name);
            CollectionAssert.AreEqual(other.Tensor.stride(), entry.Tensor.stride(), entry.Name);
        }

        network.CopyStateFrom(drawn.StateEntries);
        using Tensor images = rand(2, 3, 8, 8);
        using Tensor expected = drawn.forward(images), actual = network.forward(images);
        Assert.IsTrue(expected.equal(actual).all().item<bool>());
    }

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow(ResNetArchitecture.ResNet101)]
    [DataRow(ResNetArchitecture.ResNet152)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d)]
    [DataRow(ResNetArchitecture.WideResNet50_2)]
    [DataRow(ResNetArchitecture.WideResNet101_2)]
    public void Constructor_EveryLargeArchitecture_HasTheStateThatTheLayoutForetells(ResNetArchitecture architecture)
        => Constructor_EveryArchitecture_HasTheStateThatTheLayoutForetells(architecture);

    [TestMethod]
    public void Properties_SayWhatWasBuilt()
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet50).ResolveStem(32, 32);
        using var network = new ResidualNetwork(specification, inputChannels: 4, classCount: 7, seed: 1);

        Assert.AreEqual(specification, network.Specification);
        Assert.AreEqual(4, network.InputChannels);
        Assert.AreEqual(7, network.ClassCount);
        Assert.AreEqual(2048, network.FeatureCount);
    }

    [TestMethod]
    [DataRow(ResNetBlock.Basic, ResNetStem.Cifar, ResNetShortcut.Projection)]
    [DataRow(ResNetBlock.Basic, ResNetStem.ImageNet, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetBlock.Bottleneck, ResNetStem.Cifar, ResNetShortcut.ZeroPad)]
    [DataRow(ResNetBlock.Bottleneck, ResNetStem.ImageNet, ResNetShortcut.Projection)]
    public void Forward_AnyBlockStemAndShortcut_GivesLogitsThatTrain(ResNetBlock block, ResNetStem stem, ResNetShortcut shortcut)
    {
        var specification = new ResNetSpecification { Block = block, Depths = [2, 1, 1], BaseWidth = 8, Stem = stem, Shortcut = shortcut };
        using var network = new ResidualNetwork(specification, inputChannels: 2, classCount: 3, seed: 1);
        using DisposeScope scope = NewDisposeScope();

        Tensor logits = network.forward(Images(4, 2, 37, 21));
        logits.sum().backward();

        CollectionAssert.AreEqual(new long[] { 4, 3 }, logits.shape);
        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            Assert.IsNotNull(entry.Parameter.grad, entry.Name);
        }
    }

    [TestMethod]
    public void Forward_IsTheHeadOfTheFeatures()
    {
        using var network = Small();
        network.eval();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable scoring = inference_mode();
        Tensor images = Images(2, 3, 16, 16);
        Tensor weight = network.StateEntries.Single(entry => entry.Name == "fc.weight").Tensor;
        Tensor bias = network.StateEntries.Single(entry => entry.Name == "fc.bias").Tensor;

        Tensor features = network.Features(images);

        CollectionAssert.AreEqual(new long[] { 2, network.FeatureCount }, features.shape);
        TensorAssert.AreBitEqual(nn.functional.linear(features, weight, bias), network.forward(images));
    }

    [TestMethod]
    public void Forward_PlainAndChannelsLastBatches_GiveTheSameLogits()
    {
        using ResidualNetwork network = GoldenNetworks.Build(ResNetArchitecture.ResNet18, classCount: 10);
        network.eval();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable scoring = inference_mode();
        Tensor images = GoldenFill.Images(2, 3, 64, 64);

        TensorAssert.AreClose(network.forward(images), network.forward(ChannelsLast.Copy(images)), 1e-5f);
    }

    [TestMethod]
    public void Forward_BatchOfEight_GivesWhatEightBatchesOfOneGive()
    {
        using ResidualNetwork network = GoldenNetworks.Build(ResNetArchitecture.ResNet18, classCount: 1000);
        network.eval();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable scoring = inference_mode();
        Tensor images = GoldenFill.Images(8, 3, 64, 64);

        Tensor together = network.forward(images);
        Tensor apart = cat([.. Enumerable.Range(0, 8).Select(i => network.forward(images.slice(0, i, i + 1, 1)))]);

        TensorAssert.AreClose(together, apart, 1e-4f);
    }

    [TestMethod]
    public void Forward_LastBatchOfOneSmallImage_KeepsEveryBufferAndScoreFinite()
    {
        // 33 images of 32x32 in batches of 32: the CIFAR stem leaves 4x4 pixels, enough for a variance even of one image.
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1, 1, 1, 1], Widths = [8, 16, 32, 64], Stem = ResNetStem.Cifar }, inputChannels: 3, classCount: 10, seed: 1);
        using DisposeScope scope = NewDisposeScope();

        network.forward(Images(32, 3, 32, 32));
        network.forward(Images(1, 3, 32, 32));

        AssertFinite(network);
        network.eval();
        Assert.IsTrue(network.forward(Images(33, 3, 32, 32)).isfinite().all().item<bool>());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(0)]
    public void Forward_TrainingBatchWithoutVariance_ThrowsBeforeAnyStatisticMoves(int batch)
    {
        using var network = new ResidualNetwork(new ResNetSpecification { Stem = ResNetStem.ImageNet }, inputChannels: 3, classCount: 10, seed: 1);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] before = [.. network.StateEntries.Select(entry => entry.Tensor.clone())];

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => network.forward(zeros([batch, 3, 32, 32])));

        Assert.AreEqual(
            $"A training batch of shape [{batch},3,32,32] leaves fewer than two values a channel in the last stage, too few for batch normalisation. Take at least two images a batch.",
            exception.Message);
        foreach ((Tensor was, Tensor now) in before.Zip(network.StateEntries.Select(entry => entry.Tensor)))
        {
            TensorAssert.AreBitEqual(was, now);
        }

        network.eval();
        CollectionAssert.AreEqual(new long[] { batch, 10 }, network.forward(zeros([batch, 3, 32, 32])).shape);
    }

    [TestMethod]
    public void Forward_WrongShape_SaysWhatWasExpected()
    {
        using var network = Small();
        using Tensor images = zeros([2, 1, 8, 8]);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => network.forward(images));

        StringAssert.StartsWith(exception.Message, "The images have shape [2,1,8,8], expected [N,3,H,W].");
    }

    [TestMethod]
    public void Constructor_SameSeed_GivesTheSameBits()
    {
        using var one = Network(ResNetArchitecture.ResNet20, seed: -3);
        using var same = Network(ResNetArchitecture.ResNet20, seed: -3);
        using var other = Network(ResNetArchitecture.ResNet20, seed: 4);

        foreach (((string name, Tensor left), (_, Tensor right)) in one.StateEntries.Zip(same.StateEntries))
        {
            TensorAssert.AreBitEqual(left, right, name);
        }

        foreach ((NetworkParameter left, NetworkParameter right) in one.ParameterEntries.Zip(other.ParameterEntries))
        {
            if (left.Kind != ParameterKind.Norm)
            {
                Assert.IsFalse(left.Parameter.equal(right.Parameter).all().item<bool>(), left.Name);
            }
        }
    }

    [TestMethod]
    public void ConstructorAndForward_LeaveTorchsGlobalRandomStateAlone()
    {
        using Tensor before = random.get_rng_state();

        using (var network = Network(ResNetArchitecture.ResNet20))
        using (NewDisposeScope())
        {
            network.forward(zeros([2, 3, 32, 32])).sum().backward();
        }

        using Tensor after = random.get_rng_state();
        TensorAssert.AreBitEqual(before, after);
    }

    [TestMethod]
    public void Constructor_Normalisations_BeginAsIdentity()
    {
        using var network = Small();

        AssertAll(network, ".bn2.weight", 1);
        AssertAll(network, "bn1.bias", 0);
        AssertAll(network, "running_mean", 0);
        AssertAll(network, "running_var", 1);
    }

    [TestMethod]
    [DataRow(ResNetBlock.Basic, ".bn2.weight", ".bn1.weight")]
    [DataRow(ResNetBlock.Bottleneck, ".bn3.weight", ".bn2.weight")]
    public void Constructor_ZeroInitResidual_ZeroesTheLastNormOfEveryBranchOnly(ResNetBlock block, string zero, string one)
    {
        using var network = new ResidualNetwork(SmallSpecification with { Block = block }, inputChannels: 3, classCount: 4, seed: 1, zeroInitResidual: true);

        AssertAll(network, zero, 0);
        AssertAll(network, one, 1);
        AssertAll(network, "downsample.1.weight", 1);
    }

    [TestMethod]
    public void Constructor_StemNotSettled_SaysWhatToDo()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => new ResidualNetwork(new ResNetSpecification(), 3, 10, seed: 1));

        StringAssert.StartsWith(exception.Message, "The stem is Auto.");
    }

    [TestMethod]
    public void Forward_EvaluationMode_MovesNoStatistic()
    {
        using var network = Small();
        network.eval();
        using DisposeScope scope = NewDisposeScope();

        network.forward(Images(2, 3, 8, 8));

        AssertAll(network, "running_mean", 0);
        AssertAll(network, "num_batches_tracked", 0);
    }

    [TestMethod]
    public void CopyStateFrom_AnotherNetwork_GivesItsScoresAndKeepsTheMode()
    {
        using var source = Small(seed: 1);
        using var target = Small(seed: 2);
        using DisposeScope scope = NewDisposeScope();
        source.forward(Images(8, 3, 8, 8));
        source.eval();
        target.eval();

        target.CopyStateFrom(source.StateEntries.Reverse());

        Assert.IsFalse(target.training);
        Tensor images = Images(2, 3, 8, 8);
        TensorAssert.AreBitEqual(source.forward(images), target.forward(images));
        Assert.IsTrue(target.ParameterEntries.All(entry => entry.Parameter.requires_grad));
        Assert.AreEqual(1, target.StateEntries.First(entry => entry.Name == "bn1.num_batches_tracked").Tensor.item<long>());
    }

    [TestMethod]
    public void CopyStateFrom_OtherEntries_ListsTheFaultsAndChangesNothing()
    {
        using var network = Small();
        using DisposeScope scope = NewDisposeScope();
        Tensor before = network.ParameterEntries[0].Parameter.clone();
        List<(string Name, Tensor Tensor)> entries = [.. network.StateEntries.Select(entry => (entry.Name, zeros_like(entry.Tensor)))];
        entries.RemoveAt(1);
        entries[^1] = ("fc.bias", zeros(5));
        entries[1] = (entries[1].Name, zeros(8, dtype: ScalarType.Float64));
        entries.Add(("layer9.weight", zeros(1)));
        entries.Add(("conv1.weight", zeros(1)));

        var exception = Assert.ThrowsExactly<ArgumentException>(() => network.CopyStateFrom(entries));

        StringAssert.StartsWith(
            exception.Message,
            "The state does not fit the network (5 faults): 'conv1.weight' is given twice. 'bn1.weight' is missing. "
            + "'bn1.bias' is [8] Float64, expected [8] Float32. 'fc.bias' is [5] Float32, expected [4] Float32. "
            + "'layer9.weight' is not part of this network.");
        TensorAssert.AreBitEqual(before, network.ParameterEntries[0].Parameter);
    }

    [TestMethod]
    public void ParameterEntries_Kinds_SetNormAndBiasApart()
    {
        using var network = Small();

        foreach (NetworkParameter entry in network.ParameterEntries)
        {
            ParameterKind expected = entry.Name == "fc.bias" ? ParameterKind.Bias
                : entry.Parameter.dim() > 1 ? ParameterKind.Weight
                : ParameterKind.Norm;
            Assert.AreEqual(expected, entry.Kind, entry.Name);
        }
    }

    private static ResidualNetwork Small(long seed = 1) => new(SmallSpecification, inputChannels: 3, classCount: 4, seed);

    private static ResidualNetwork Network(ResNetArchitecture architecture, long seed = 1)
        => new(ResNetSpecification.FromArchitecture(architecture).ResolveStem(32, 32), inputChannels: 3, classCount: 10, seed);

    private static Tensor Images(params long[] shape) => GoldenFill.Images(shape);

    private static void AssertAll(ResidualNetwork network, string ending, double expected)
    {
        (string Name, Tensor Tensor)[] entries = [.. network.StateEntries.Where(entry => entry.Name.EndsWith(ending, StringComparison.Ordinal))];
        Assert.AreNotEqual(0, entries.Length);
        foreach ((string name, Tensor tensor) in entries)
        {
            using Tensor asDouble = tensor.to(ScalarType.Float64);
            Assert.IsTrue(asDouble.detach().data<double>().ToArray().All(value => value == expected), name);
        }
    }

    private static void AssertFinite(ResidualNetwork network)
    {
        foreach ((string name, Tensor tensor) in network.StateEntries)
        {
            Assert.IsTrue(tensor.isfinite().all().item<bool>(), name);
        }
    }
}
