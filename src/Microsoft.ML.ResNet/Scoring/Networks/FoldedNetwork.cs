using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A trained network's convolutions with their normalisations folded in, computed in double precision.</summary>
internal sealed class FoldedNetwork(ResidualNetwork network)
{
    private readonly Dictionary<string, Tensor> _state = network.StateByName();

    public NetworkPlan Plan { get; } = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);

    public Tensor HeadWeight => _state[Head.WeightName];

    public Tensor HeadBias => _state[Head.BiasName];

    /// <summary>Weight and bias as tensors of float64, in the caller's dispose scope.</summary>
    public (Tensor Weight, Tensor Bias) Fold(ConvolutionPlan plan)
    {
        using var scope = NewDisposeScope();
        var (factor, bias) = Line(plan);
        Tensor weight = _state[$"{plan.Name}.weight"].to(ScalarType.Float64) * tensor(factor, [factor.Length, 1, 1, 1]);
        return (weight.MoveToOuterDisposeScope(), tensor(bias).MoveToOuterDisposeScope());
    }

    /// <summary>The convolutions of a plan, this network's or its first part, by this library's kernels, in the order of <see cref="NetworkPlan.Convolutions"/>.</summary>
    public IEnumerable<VectorConvolution> Convolutions(NetworkPlan plan)
        => plan.Convolutions.Select(convolution => Convolution(convolution, convolution == plan.Stem ? convolution.InputChannels : ConvolutionPanel.Stored(convolution.InputChannels)));

    /// <summary>The same for this library's kernels, which fold while they lay weights out.</summary>
    private unsafe VectorConvolution Convolution(ConvolutionPlan plan, int storedInputs)
    {
        using var scope = NewDisposeScope();
        var (factor, bias) = Line(plan);

        // The layout of the weight: nothing is copied.
        Tensor weight = _state[$"{plan.Name}.weight"].permute(0, 2, 3, 1).contiguous();
        return VectorConvolution.Of(new FoldedConvolution(plan, (nint)TensorMemory.Floats(weight), factor, bias), storedInputs);
    }

    /// <summary>What a normalisation makes of a convolution's result: result * factor + bias.</summary>
    private (double[] Factor, double[] Bias) Line(ConvolutionPlan plan)
    {
        ReadOnlySpan<float> scale = Values("weight"), shift = Values("bias"), mean = Values("running_mean"), variance = Values("running_var");
        double[] factor = new double[scale.Length], bias = new double[scale.Length];
        for (int channel = 0; channel < factor.Length; channel++)
        {
            factor[channel] = scale[channel] / Math.Sqrt(variance[channel] + ConvolutionNorm.Epsilon);
            bias[channel] = shift[channel] - (mean[channel] * factor[channel]);
        }

        return (factor, bias);

        ReadOnlySpan<float> Values(string name) => TensorMemory.Values(_state[$"{plan.NormName}.{name}"]);
    }
}
