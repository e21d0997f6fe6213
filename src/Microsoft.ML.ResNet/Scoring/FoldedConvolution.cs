using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A convolution with its normalisation folded into weight and bias. The weight is laid out when an input of a shape first comes: once for
/// single images, once for batches, since the best layout may differ. Safe to use from many threads.
/// </summary>
internal sealed class FoldedConvolution(ConvolutionPlan plan, Func<(Tensor Weight, Tensor Bias)> fold, FusedConvolutions fused) : IDisposable
{
    private readonly object _lock = new();
    private readonly Dictionary<(bool IsSingle, long Height, long Width), Tensor> _packed = [];
    private Tensor? _bias;

    /// <summary>Convolves, with a ReLU or without, into a new tensor.</summary>
    public Tensor Forward(Tensor input, bool relu)
    {
        var (weight, bias) = WeightFor(input);
        return fused.Convolve(input, weight, bias, plan.Stride, plan.Kernel / 2, plan.Groups, relu);
    }

    /// <summary>Turns <paramref name="sum"/> into relu(sum + convolution of input).</summary>
    public void AddRelu(Tensor sum, Tensor input)
    {
        var (weight, bias) = WeightFor(input);
        fused.AddRelu(sum, input, weight, bias, plan.Stride, plan.Kernel / 2, plan.Groups);
    }

    public void Dispose()
    {
        foreach (Tensor weight in _packed.Values)
        {
            weight.Dispose();
        }

        _bias?.Dispose();
    }

    private (Tensor Weight, Tensor Bias) WeightFor(Tensor input)
    {
        long[] shape = input.shape;
        (bool, long, long) key = (shape[0] == 1, shape[2], shape[3]);
        lock (_lock)
        {
            if (!_packed.TryGetValue(key, out Tensor? packed))
            {
                using var scope = NewDisposeScope();
                var (weight, bias) = fold();
                packed = fused.Pack(ChannelsLast.Copy(weight), plan.Stride, plan.Kernel / 2, plan.Groups, shape).DetachFromDisposeScope();
                _packed.Add(key, packed);
                _bias ??= bias.DetachFromDisposeScope();
            }

            return (packed, _bias!);
        }
    }
}
