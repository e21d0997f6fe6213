using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network as it scores: normalisations folded into convolutions, additions and ReLUs done by the convolution before them, all
/// in one call of libtorch. It reads the trained network's tensors, which stay as they are. Safe to use from many threads, within
/// <c>inference_mode</c>.
/// </summary>
internal sealed class ScoringNetwork : IDisposable
{
    private readonly object _lock = new();
    private readonly NetworkPlan _plan;
    private readonly FusedConvolutions _fused;
    private readonly Dictionary<string, Tensor> _state;
    private readonly Dictionary<(bool IsSingle, long Height, long Width), Tensor[]> _packed = [];
    private readonly jit.ScriptModule _program;

    /// <param name="network">On the CPU, in evaluation mode; it must live as long as this.</param>
    /// <param name="fused">They say in which type activations and convolution weights are.</param>
    public ScoringNetwork(ResidualNetwork network, FusedConvolutions fused)
    {
        _fused = fused;
        _plan = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);
        _state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
        _program = TorchScript.Compile(ScoringProgram.Of(_plan, height: 1, width: 1).Text, Path.GetTempPath());
    }

    /// <summary>Computes the logits.</summary>
    /// <param name="images">[N,C,H,W] float32, normalised.</param>
    /// <returns>[N,K] float32, in the caller's dispose scope.</returns>
    public Tensor Forward(Tensor images)
    {
        using Tensor features = Features(images);
        return nn.functional.linear(features, _state["fc.weight"], _state["fc.bias"]);
    }

    /// <summary>Computes what the head reads: the last stage's activations, averaged over the image.</summary>
    /// <param name="images">[N,C,H,W] float32, normalised.</param>
    /// <returns>[N,FeatureCount] float32, in the caller's dispose scope.</returns>
    public Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        Tensor input = InChannelsLast(images.to(_fused.Type));
        return ((Tensor)_program.invoke(ScoringProgram.Features, input, WeightsFor(input.shape))).MoveToOuterDisposeScope();
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
                packed = [.. ScoringProgram.Of(_plan, shape[2], shape[3]).Convolutions.SelectMany(item => Pack(item.Plan, [shape[0], item.Plan.InputChannels, item.Height, item.Width]))];
                _packed.Add(key, packed);
            }

            return packed;
        }
    }

    /// <summary>norm(conv(x)) as one convolution: weight * scale / deviation, and shift - mean * scale / deviation.</summary>
    private Tensor[] Pack(ConvolutionPlan plan, long[] inputShape)
    {
        using var scope = NewDisposeScope();
        Tensor deviation = (_state[$"{plan.NormName}.running_var"].to(ScalarType.Float64) + ConvolutionNorm.Epsilon).sqrt();
        Tensor factor = _state[$"{plan.NormName}.weight"].to(ScalarType.Float64) / deviation;
        Tensor weight = _state[$"{plan.Name}.weight"].to(ScalarType.Float64) * factor.reshape(-1, 1, 1, 1);
        Tensor bias = _state[$"{plan.NormName}.bias"].to(ScalarType.Float64) - (_state[$"{plan.NormName}.running_mean"].to(ScalarType.Float64) * factor);
        return
        [
            _fused.Pack(plan, ChannelsLast.Copy(weight.to(_fused.Type)), inputShape).DetachFromDisposeScope(),
            bias.to(_fused.Type).DetachFromDisposeScope(),
        ];
    }

    private static Tensor InChannelsLast(Tensor tensor)
    {
        long[] shape = tensor.shape, strides = tensor.stride();
        bool isChannelsLast = strides[1] == 1 && strides[3] == shape[1] && strides[2] == shape[1] * shape[3] && strides[0] == shape[1] * shape[2] * shape[3];
        return isChannelsLast ? tensor : ChannelsLast.Copy(tensor);
    }
}
