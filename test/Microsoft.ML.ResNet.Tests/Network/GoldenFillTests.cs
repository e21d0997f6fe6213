using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class GoldenFillTests
{
    // The first three values of some entries of resnet50, and the sum of all, as the formula gives them in NumPy.
    private static readonly (string Name, float First, float Second, float Third, double Sum)[] Expected =
    [
        ("conv1.weight", 0.0296570994f, 0.0357164666f, 0.0824824646f, 18.5105998411791),
        ("bn1.running_mean", -0.0406002402f, -0.00493842363f, 0.0186835527f, -0.48652215558104217),
        ("bn1.running_var", 0.783104002f, 0.8480919f, 1.07662296f, 62.48354893922806),
        ("layer1.0.bn2.weight", 0.851896286f, 0.912509203f, 0.574635863f, 50.02462714910507),
        ("layer1.0.bn3.weight", 0.452069134f, 0.422117591f, 0.260659009f, 97.5083789229393),
        ("layer2.0.downsample.1.bias", 0.0589967594f, -0.0753619894f, -0.0694402307f, 0.695799656881718),
        ("fc.weight", 0.0196866058f, -0.0147978598f, 0.0122741461f, -43.15109283555684),
        ("fc.bias", -0.0409123898f, -0.0770354494f, -0.0456719287f, -0.8156357310072053),
    ];

    [TestMethod]
    public void Fill_ResNet50_GivesTheFormulasValues()
    {
        using ResidualNetwork network = GoldenNetworks.Build(ResNetArchitecture.ResNet50, classCount: 1000);
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> entries = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor);

        foreach ((string name, float first, float second, float third, double sum) in Expected)
        {
            Tensor values = entries[name].detach().reshape(-1);
            CollectionAssert.AreEqual(new[] { first, second, third }, values.slice(0, 0, 3, 1).data<float>().ToArray(), name);
            Assert.AreEqual(sum, values.to(ScalarType.Float64).sum().item<double>(), 1e-9, name);
        }
    }
}
