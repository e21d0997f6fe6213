using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A trained network's convolutions with their normalisations folded in, computed in double precision.</summary>
internal sealed class FoldedNetwork(ResidualNetwork network)
{
    private readonly Dictionary<string, Tensor> _state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);

    public NetworkPlan Plan { get; } = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);

    public Tensor HeadWeight => _state["fc.weight"];

    public Tensor HeadBias => _state["fc.bias"];

    /// <summary>Weight and bias as tensors of float64, in the caller's dispose scope.</summary>
    public (Tensor Weight, Tensor Bias) Fold(ConvolutionPlan plan)
    {
        using var scope = NewDisposeScope();
        Tensor deviation = (_state[$"{plan.NormName}.running_var"].to(ScalarType.Float64) + ConvolutionNorm.Epsilon).sqrt();
        Tensor factor = _state[$"{plan.NormName}.weight"].to(ScalarType.Float64) / deviation;
        Tensor weight = _state[$"{plan.Name}.weight"].to(ScalarType.Float64) * factor.reshape(-1, 1, 1, 1);
        Tensor bias = _state[$"{plan.NormName}.bias"].to(ScalarType.Float64) - (_state[$"{plan.NormName}.running_mean"].to(ScalarType.Float64) * factor);
        return (weight.MoveToOuterDisposeScope(), bias.MoveToOuterDisposeScope());
    }

    /// <summary>Weight and bias as arrays.</summary>
    public FoldedConvolution FoldToArrays(ConvolutionPlan plan)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = Fold(plan);
        return new FoldedConvolution(plan, weight.contiguous().data<double>().ToArray(), bias.data<double>().ToArray());
    }
}
