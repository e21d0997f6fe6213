using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>The networks that score fast, beside the one that was trained.</summary>
[TestClass]
[DoNotParallelize]
public sealed class IScoringNetworkTests
{
    private static readonly ResNetSpecification ZeroPad = ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20) with { Shortcut = ResNetShortcut.ZeroPad };

    // 24 in groups of 12: groups that lie across panels of 16 channels.
    private static readonly ResNetSpecification OddWidths = new()
    {
        Block = ResNetBlock.Bottleneck,
        Depths = [1, 2],
        Widths = [20, 40],
        Groups = 2,
        WidthPerGroup = 12 * 64 / 20,
    };

    private static readonly (string Name, ResNetSpecification Specification, int Channels)[] AllNetworks =
    [
        // Their blocks, fewer of each: whole networks are compared with ONNX Runtime in OnnxExportTests.
        Shallow(ResNetArchitecture.ResNet18, 1, 2, 1, 1),
        Shallow(ResNetArchitecture.ResNet50, 1, 1, 2, 1),
        Shallow(ResNetArchitecture.ResNeXt50_32x4d, 2, 1, 1),
        Shallow(ResNetArchitecture.WideResNet50_2, 1, 1, 2),
        Shallow(ResNetArchitecture.ResNet56, 2, 2, 2),
        ("zero-pad shortcuts", ZeroPad, 3),
        ("one channel", ZeroPad, 1),
        ("odd widths", OddWidths, 5),
    ];

    private static (string Name, ResNetSpecification Specification, int Channels) Shallow(ResNetArchitecture architecture, params int[] depths)
    {
        ResNetSpecification whole = ResNetSpecification.FromArchitecture(architecture);
        return (architecture.ToString(), whole with { Depths = depths, Widths = [.. whole.Widths.Take(depths.Length)] }, 3);
    }

    public static IEnumerable<object[]> Networks =>
        from network in AllNetworks
        from isVector in new[] { true, false }
        select new object[] { network.Name, network.Specification, network.Channels, isVector };

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Forward_EveryKindOfNetwork_GivesTheTrainedNetworksLogits(string name, ResNetSpecification specification, int channels, bool isVector)
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(specification.ResolveStem(64, 64), channels);
        using IScoringNetwork scoring = Create(network, isVector);
        using var inference = torch.inference_mode();
        foreach (int count in new[] { 5, 1, 3 })
        {
            torch.Tensor images = torch.randn([count, channels, 35, 29], generator: new torch.Generator((ulong)count));

            torch.Tensor expected = network.forward(images), actual = scoring.Forward(images);

            double difference = (expected - actual).norm().item<float>() / expected.norm().item<float>();
            Assert.IsLessThan(1e-5, difference, $"{name}, batch of {count}");
        }
    }

    [TestMethod]
    public void Forward_VectorsAndImagesThatAreNotNumbers_SpoilTheirOwnScoresOnly()
    {
        using var scope = torch.NewDisposeScope();
        foreach (ResNetSpecification specification in new[] { ZeroPad, ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet18) with { Stem = ResNetStem.ImageNet } })
        {
            using ResidualNetwork network = WithStatistics(specification, 3);
            using IScoringNetwork scoring = Create(network, isVector: true);
            using var inference = torch.inference_mode();
            torch.Tensor images = torch.randn([3, 3, 40, 40], generator: new torch.Generator(1));
            torch.Tensor expected = scoring.Forward(images);
            images[1, 2, 20, 20] = float.NaN;

            torch.Tensor actual = scoring.Forward(images);

            Assert.IsTrue(actual[1].isnan().all().item<bool>());
            CollectionAssert.AreEqual(expected[0].data<float>().ToArray(), actual[0].data<float>().ToArray());
            CollectionAssert.AreEqual(expected[2].data<float>().ToArray(), actual[2].data<float>().ToArray());
        }
    }

    [TestMethod]
    public void Features_VectorsByAnyNumberOfThreads_HaveTheSameBits()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet18) with { Stem = ResNetStem.ImageNet }, 3);
        using IScoringNetwork scoring = Create(network, isVector: true);
        using var inference = torch.inference_mode();
        torch.Tensor images = torch.randn([2, 3, 70, 90], generator: new torch.Generator(1));
        int threads = torch.get_num_threads();
        try
        {
            float[] expected = scoring.Features(images).data<float>().ToArray();
            foreach (int count in new[] { 1, 3, 5 })
            {
                torch.set_num_threads(count);
                CollectionAssert.AreEqual(expected, scoring.Features(images).data<float>().ToArray(), $"{count} threads");
            }
        }
        finally
        {
            torch.set_num_threads(threads);
        }
    }

    [TestMethod]
    public void Forward_VectorsFromManyThreadsAndInBatches_GiveTheSameBits()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ZeroPad, 3);
        using IScoringNetwork scoring = Create(network, isVector: true);
        torch.Tensor images = torch.randn([24, 3, 32, 32], generator: new torch.Generator(1));
        float[] expected;
        using (torch.inference_mode())
        {
            expected = scoring.Features(images).data<float>().ToArray();
        }

        int length = expected.Length / 24;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            using var inference = torch.inference_mode();
            using var own = torch.NewDisposeScope();
            int first = i % 24, count = Math.Min(1 + (i % 3), 24 - first);
            CollectionAssert.AreEqual(expected[(first * length)..((first + count) * length)], scoring.Features(images.narrow(0, first, count)).data<float>().ToArray());
        });
    }

    [TestMethod]
    public void Score_WithoutFusedConvolutions_GivesTheSame()
    {
        InputFormat format = InputFormat.Of(32, 32, PixelRange.ZeroTo255, [0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]);
        byte[] pixels = new byte[3 * format.ByteCount];
        new Random(1).NextBytes(pixels);
        float[] fast = new float[30], plain = new float[30];

        using (var classifier = new ImageScorer(WithStatistics(ZeroPad, 3), format, FusedOperators.Device(), NetworkOutput.Probabilities, "test"))
        {
            classifier.Score(pixels, 3, fast);
        }

        using (var classifier = new ImageScorer(WithStatistics(ZeroPad, 3), format, FusedOperators.Device() with { Fused = null }, NetworkOutput.Probabilities, "test"))
        {
            classifier.Score(pixels, 3, plain);
        }

        for (int i = 0; i < fast.Length; i++)
        {
            Assert.AreEqual(plain[i], fast[i], 1e-5f, $"value {i}");
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Forward_ManyTimes_LeavesNoTensor(bool isVector)
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ZeroPad, 3);
        using IScoringNetwork scoring = Create(network, isVector);
        using var inference = torch.inference_mode();
        torch.Tensor images = torch.zeros(2, 3, 32, 32), image = torch.zeros(1, 3, 32, 32);
        Score();
        long before = LiveTensors.CountAfterCollection();

        for (int i = 0; i < 5; i++)
        {
            Score();
        }

        Assert.AreEqual(before, torch.Tensor.TotalCount);

        void Score()
        {
            scoring.Forward(images).Dispose();
            scoring.Forward(image).Dispose();
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Dispose_AfterScoring_FreesWhatItMade(bool isVector)
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ZeroPad, 3);
        long before = LiveTensors.CountAfterCollection();
        using (IScoringNetwork scoring = Create(network, isVector))
        {
            using var inference = torch.inference_mode();
            using torch.Tensor images = torch.zeros(2, 3, 32, 32);
            scoring.Forward(images).Dispose();
        }

        Assert.AreEqual(before, torch.Tensor.TotalCount);
    }

    private static IScoringNetwork Create(ResidualNetwork network, bool isVector)
    {
        if (!isVector)
        {
            return new FusedNetwork(network, FusedOperators.Get());
        }

        VectorInstructions.Require();
        return new VectorNetwork(network);
    }

    /// <summary>A network whose normalisations do something, as after training.</summary>
    private static ResidualNetwork WithStatistics(ResNetSpecification specification, int channels)
    {
        var network = new ResidualNetwork(specification, channels, 10, seed: 1);
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        using var generator = new torch.Generator(2);
        foreach (var (name, tensor) in network.StateEntries)
        {
            if (name.EndsWith("running_mean", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal))
            {
                tensor.normal_(0, 0.2, generator);
            }
            else if (name.EndsWith("running_var", StringComparison.Ordinal) || (tensor.dim() == 1 && name.EndsWith(".weight", StringComparison.Ordinal)))
            {
                tensor.uniform_(0.7, 1.3, generator);
            }
        }

        network.eval();
        return network;
    }
}
