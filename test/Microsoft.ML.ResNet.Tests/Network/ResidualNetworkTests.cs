using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class ResidualNetworkTests
{
    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    [DataRow(ResNetArchitecture.ResNet20)]
    public void Forward_SmallImages_GivesOneLogitPerClass(ResNetArchitecture architecture)
    {
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture).ResolveStem(32, 32);
        using var network = new ResidualNetwork(specification, inputChannels: 3, classCount: 10, seed: 1);
        using DisposeScope scope = NewDisposeScope();
        using Tensor images = zeros([2, 3, 32, 32]);

        Tensor logits = network.forward(images);

        CollectionAssert.AreEqual(new long[] { 2, 10 }, logits.shape);
        Assert.IsTrue(logits.isfinite().all().item<bool>());
    }
}
