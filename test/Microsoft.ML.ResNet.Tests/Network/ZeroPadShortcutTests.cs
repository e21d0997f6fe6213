using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
public sealed class ZeroPadShortcutTests
{
    [TestMethod]
    public void Forward_TwoToFourChannelsWithStride_TakesEverySecondPixelBetweenZeros()
    {
        using DisposeScope scope = NewDisposeScope();
        // Two channels of 3x3: 0..8 and 9..17.
        Tensor input = tensor(Enumerable.Range(0, 18).Select(i => (float)i).ToArray(), [1, 2, 3, 3]);

        Tensor output = Shortcut(inputChannels: 2, outputChannels: 4, stride: 2).Forward(input, training: false);

        CollectionAssert.AreEqual(new long[] { 1, 4, 2, 2 }, output.shape);
        CollectionAssert.AreEqual(
            new float[] { 0, 0, 0, 0, 0, 2, 6, 8, 9, 11, 15, 17, 0, 0, 0, 0 }, output.contiguous().data<float>().ToArray());
    }

    [TestMethod]
    public void Forward_OddNumberOfMissingChannels_PutsTheExtraOneLast()
    {
        using DisposeScope scope = NewDisposeScope();

        Tensor output = Shortcut(inputChannels: 1, outputChannels: 4, stride: 1).Forward(tensor([5f], [1, 1, 1, 1]), training: false);

        CollectionAssert.AreEqual(new float[] { 0, 5, 0, 0 }, output.contiguous().data<float>().ToArray());
    }

    [TestMethod]
    public void Forward_ChannelsLastInput_StaysChannelsLast()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = ChannelsLast.Copy(rand(2, 4, 6, 6));

        Tensor output = Shortcut(inputChannels: 4, outputChannels: 8, stride: 2).Forward(input, training: false);

        CollectionAssert.AreEqual(new long[] { 8 * 3 * 3, 1, 8 * 3, 8 }, output.stride());
    }

    [TestMethod]
    public void Backward_ReachesTheTakenPixelsOnly()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = ones([1, 1, 3, 3], requires_grad: true);

        Shortcut(inputChannels: 1, outputChannels: 3, stride: 2).Forward(input, training: true).sum().backward();

        CollectionAssert.AreEqual(new float[] { 1, 0, 1, 0, 0, 0, 1, 0, 1 }, input.grad!.data<float>().ToArray());
    }

    private static ZeroPadShortcut Shortcut(int inputChannels, int outputChannels, int stride)
        => new(new BlockPlan(BasicBlock.Branch("layer2.0", inputChannels, outputChannels, stride), stride, Projection: null));
}
