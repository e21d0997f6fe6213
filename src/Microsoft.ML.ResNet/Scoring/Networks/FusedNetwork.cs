using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network that scores by libtorch's fused convolutions: normalisations folded in, additions and ReLUs done by the convolution
/// before them, all in one call. It reads the trained network's tensors, which stay as they are. Safe to use from many threads, within
/// <c>inference_mode</c>.
/// </summary>
internal sealed class FusedNetwork : IScoringNetwork
{
    private readonly object _lock = new();
    private readonly FoldedNetwork _folded;
    private readonly FusedConvolutions _fused;
    private readonly Dictionary<(bool IsSingle, long Height, long Width), Tensor[]> _packed = [];
    private readonly jit.ScriptModule _program;

    /// <param name="network">On the CPU, in evaluation mode; it must live as long as this.</param>
    /// <param name="fused">They say in which type activations and convolution weights are.</param>
    public FusedNetwork(ResidualNetwork network, FusedConvolutions fused)
    {
        _fused = fused;
        _folded = new FoldedNetwork(network);
        _program = TorchScript.Compile(ScoringProgram.Of(_folded.Plan, height: 1, width: 1).Text, Path.GetTempPath());
    }

    public Tensor Forward(ScoringImages images)
    {
        using Tensor features = Features(images);
        return nn.functional.linear(features, _folded.HeadWeight, _folded.HeadBias);
    }

    public Tensor Features(ScoringImages images)
    {
        using var scope = NewDisposeScope();
        Tensor input = InChannelsLast(images.ToTensor().to(_fused.Type));
        return _program.Invoke(ScoringProgram.Features, input, WeightsFor(input.shape)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _program.Dispose();
        foreach (Tensor tensor in _packed.Values.SelectMany(tensors => tensors))
        {
            tensor.Dispose();
        }
    }

    /// <summary>
    /// Weights and biases, laid out when an input of a size first comes: once for single images, once for batches, since the best layout
    /// may differ.
    /// </summary>
    private Tensor[] WeightsFor(long[] shape)
    {
        (bool, long, long) key = (shape[0] == 1, shape[2], shape[3]);
        lock (_lock)
        {
            if (!_packed.TryGetValue(key, out Tensor[]? packed))
            {
                using var scope = NewDisposeScope();
                packed = [.. ScoringProgram.Of(_folded.Plan, shape[2], shape[3]).Convolutions.SelectMany(item => Pack(item.Plan, [shape[0], item.Plan.InputChannels, item.Height, item.Width]))];
                _packed.Add(key, packed);
                scope.Detach(packed);
            }

            return packed;
        }
    }

    /// <summary>Weight and bias, in the caller's dispose scope.</summary>
    private Tensor[] Pack(ConvolutionPlan plan, long[] inputShape)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = _folded.Fold(plan);
        return
        [
            _fused.Pack(plan, ChannelsLast.Copy(weight.to(_fused.Type)), inputShape).MoveToOuterDisposeScope(),
            bias.to(_fused.Type).MoveToOuterDisposeScope(),
        ];
    }

    private static Tensor InChannelsLast(Tensor tensor)
    {
        long[] shape = tensor.shape, strides = tensor.stride();
        bool isChannelsLast = strides[1] == 1 && strides[3] == shape[1] && strides[2] == shape[1] * shape[3] && strides[0] == shape[1] * shape[2] * shape[3];
        return isChannelsLast ? tensor : ChannelsLast.Copy(tensor);
    }
}
