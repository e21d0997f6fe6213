using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// Draws a network's first weights from a generator of its own, so that they depend on the seed alone and torch's global random state
/// stays as it was. Tensors belong to the caller's dispose scope.
/// </summary>
/// <param name="seed">Null: nothing is drawn, and all weights are zero.</param>
internal sealed class HeInitialization(long? seed) : IDisposable
{
    private readonly Generator? _generator = seed is { } given ? new(unchecked((ulong)given)) : null;

    /// <summary>
    /// The weight of a convolution before a ReLU: normal with deviation sqrt(2 / fan-out), fan-out = out * kernel * kernel (He et al.
    /// 2015, "Delving deep into rectifiers"; as in PyTorch, groups don't lessen the fan-out).
    /// </summary>
    /// <returns><c>[out, in / groups, kernel, kernel] float32</c>, channels-last.</returns>
    public Tensor Convolution(ConvolutionPlan plan)
    {
        if (_generator is null)
        {
            return ChannelsLast.Zeros(plan.WeightShape);
        }

        double fanOut = (double)plan.OutputChannels * plan.Kernel * plan.Kernel;
        using Tensor weight = empty(plan.WeightShape, dtype: ScalarType.Float32, device: CPU);
        weight.normal_(0, Math.Sqrt(2 / fanOut), _generator);
        return ChannelsLast.Copy(weight);
    }

    /// <summary>A tensor of the head: uniform within 1 / sqrt(fan-in) of zero, PyTorch's rule for linear layers.</summary>
    public Tensor Linear(long[] shape, int fanIn)
    {
        if (_generator is null)
        {
            return zeros(shape, dtype: ScalarType.Float32, device: CPU);
        }

        double bound = 1 / Math.Sqrt(fanIn);
        return empty(shape, dtype: ScalarType.Float32, device: CPU).uniform_(-bound, bound, _generator);
    }

    public void Dispose() => _generator?.Dispose();
}
