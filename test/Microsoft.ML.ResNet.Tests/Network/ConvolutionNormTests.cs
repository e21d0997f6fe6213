using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Network;

[TestClass]
[DoNotParallelize]
public sealed class ConvolutionNormTests
{
    [TestMethod]
    [DataRow(3, 8, 7, 2, 1)]
    [DataRow(1, 8, 7, 2, 1)]
    [DataRow(1, 8, 3, 1, 1)]
    [DataRow(8, 16, 3, 2, 1)]
    [DataRow(8, 16, 1, 1, 1)]
    [DataRow(8, 8, 3, 1, 4)]
    [DataRow(16, 1, 3, 1, 1)]
    [DataRow(3, 16, 1, 2, 1)]
    [DataRow(4, 16, 1, 2, 1)]
    [DataRow(8, 16, 1, 2, 1)]
    [DataRow(12, 24, 1, 2, 1)]
    [DataRow(16, 16, 1, 2, 1)]
    [DataRow(17, 16, 1, 2, 1)]
    public void Forward_ChannelsLastWeights_EqualsThePlainLayoutForwardAndBackward(int inputChannels, int outputChannels, int kernel, int stride, int groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(7);
        using var initialization = new HeInitialization(seed: 1);
        var plan = new ConvolutionPlan("conv1", "bn1", inputChannels, outputChannels, kernel, stride, groups);
        var unit = new ConvolutionNorm(plan, initialization, scale: 1);
        Tensor unitWeight = unit.Parameters.First().Parameter;
        
        // In float64, which oneDNN doesn't compute: its float32 weight gradient of the narrow rows with a stride is wrong in either layout.
        Tensor plainWeight = unitWeight.detach().contiguous().to(ScalarType.Float64).requires_grad_();
        Tensor images = rand([4, inputChannels, 12, 12], generator: generator);
        Tensor plainImages = images.to(ScalarType.Float64).requires_grad_();
        Tensor unitImages = ChannelsLast.Copy(images).requires_grad_();
        long[] sides = [stride, stride];
        long[] padding = [kernel / 2, kernel / 2];

        Tensor plain = nn.functional.batch_norm(
            nn.functional.conv2d(plainImages, plainWeight, null, sides, padding, groups: groups),
            zeros(outputChannels, dtype: ScalarType.Float64), ones(outputChannels, dtype: ScalarType.Float64), ones(outputChannels, dtype: ScalarType.Float64), zeros(outputChannels, dtype: ScalarType.Float64), training: true);
        Tensor ours = unit.Forward(unitImages, training: true);
        Tensor weighting = rand(ours.shape, generator: generator);
        (plain * weighting.to(ScalarType.Float64)).sum().backward();
        (ours * weighting).sum().backward();

        // The layouts add in another order; values are about 1, gradients up to about 100.
        TensorAssert.AreClose(plain.to(ScalarType.Float32), ours, 1e-5f);
        TensorAssert.AreClose(plainWeight.grad!.to(ScalarType.Float32), unitWeight.grad!, 1e-3f);
        TensorAssert.AreClose(plainImages.grad!.to(ScalarType.Float32), unitImages.grad!, 1e-4f);
        CollectionAssert.AreEqual(
            new long[] { (long)kernel * kernel * inputChannels / groups, 1, (long)kernel * inputChannels / groups, inputChannels / groups },
            unitWeight.stride());
    }

    [TestMethod]
    public void Forward_Training_MovesTheRunningStatisticsByATenth()
    {
        using DisposeScope scope = NewDisposeScope();
        using var initialization = new HeInitialization(seed: 1);
        var unit = new ConvolutionNorm(new ConvolutionPlan("conv1", "bn1", 1, 1, Kernel: 1), initialization, scale: 1);
        Dictionary<string, Tensor> buffers = unit.Buffers.ToDictionary(buffer => buffer.Name, buffer => buffer.Tensor);
        using (no_grad())
        {
            unit.Parameters.First().Parameter.copy_(tensor(1f));
        }

        // Values 1 and 3: mean 2, unbiased variance 2. Running: 0.9 * 0 + 0.1 * 2 and 0.9 * 1 + 0.1 * 2.
        Tensor output = unit.Forward(tensor(new float[] { 1, 3 }).reshape(2, 1, 1, 1), training: true);

        // (1 - 2) / sqrt(1 + 1e-5): the batch is normalised by the biased variance, 1.
        Assert.AreEqual(-0.999995f, output[0, 0, 0, 0].item<float>(), 1e-6f);
        Assert.AreEqual(0.2f, buffers["bn1.running_mean"].item<float>(), 1e-6f);
        Assert.AreEqual(1.1f, buffers["bn1.running_var"].item<float>(), 1e-6f);
        Assert.AreEqual(1, buffers["bn1.num_batches_tracked"].item<long>());

        // Evaluation: (1 - 0.2) / sqrt(1.1 + 1e-5), and nothing moves.
        Assert.AreEqual(0.762767f, unit.Forward(ones([1, 1, 1, 1]), training: false).item<float>(), 1e-5f);
        Assert.AreEqual(1, buffers["bn1.num_batches_tracked"].item<long>());
    }
}
