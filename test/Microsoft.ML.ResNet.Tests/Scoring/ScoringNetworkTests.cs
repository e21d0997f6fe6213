using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>The network that scores, beside the one that was trained.</summary>
[TestClass]
public sealed class ScoringNetworkTests
{
    private static readonly ResNetSpecification ZeroPad = ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20) with { Shortcut = ResNetShortcut.ZeroPad };

    public static IEnumerable<object[]> Networks =>
    [
        .. new[] { ResNetArchitecture.ResNet18, ResNetArchitecture.ResNet50, ResNetArchitecture.ResNeXt50_32x4d, ResNetArchitecture.WideResNet50_2, ResNetArchitecture.ResNet56 }
            .Select(architecture => new object[] { architecture.ToString(), ResNetSpecification.FromArchitecture(architecture), 3 }),
        ["zero-pad shortcuts", ZeroPad, 3],
        ["one channel", ZeroPad, 1],
    ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Forward_EveryKindOfNetwork_GivesTheTrainedNetworksLogits(string name, ResNetSpecification specification, int channels)
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(specification.ResolveStem(64, 64), channels);
        using var scoring = new ScoringNetwork(network, FusedOperators.Get());
        using var inference = torch.inference_mode();
        foreach (int count in new[] { 5, 1, 3 })
        {
            torch.Tensor images = torch.randn([count, channels, 67, 61], generator: new torch.Generator((ulong)count));

            torch.Tensor expected = network.forward(images), actual = scoring.Forward(images);

            double difference = (expected - actual).norm().item<float>() / expected.norm().item<float>();
            Assert.IsLessThan(1e-5, difference, $"{name}, batch of {count}");
        }
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
    public void Forward_ManyTimes_LeavesNoTensor()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ZeroPad, 3);
        using var scoring = new ScoringNetwork(network, FusedOperators.Get());
        using var inference = torch.inference_mode();
        torch.Tensor images = torch.zeros(2, 3, 32, 32), image = torch.zeros(1, 3, 32, 32);
        Score();
        long before = torch.Tensor.TotalCount;

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
    public void Dispose_AfterScoring_FreesWhatItMade()
    {
        using var scope = torch.NewDisposeScope();
        using ResidualNetwork network = WithStatistics(ZeroPad, 3);
        long before = torch.Tensor.TotalCount;
        using (var scoring = new ScoringNetwork(network, FusedOperators.Get()))
        {
            using var inference = torch.inference_mode();
            using torch.Tensor images = torch.zeros(2, 3, 32, 32);
            scoring.Forward(images).Dispose();
        }

        Assert.AreEqual(before, torch.Tensor.TotalCount);
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
