using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// A trained network as it scores: normalisations folded into convolutions, additions and ReLUs done by the convolution before them. It
/// reads the trained network's tensors, which stay as they are. Safe to use from many threads, within <c>inference_mode</c>.
/// </summary>
internal sealed class ScoringNetwork : IDisposable
{
    private static readonly long[] Spatial = [2, 3];

    private readonly NetworkPlan _plan;
    private readonly FoldedConvolution _stem;
    private readonly List<(BlockPlan Plan, FoldedConvolution[] Branch, IDisposable? Shortcut)> _blocks = [];
    private readonly Tensor _headWeight;
    private readonly Tensor _headBias;
    private readonly Dictionary<string, Tensor> _state;
    private readonly FusedConvolutions _fused;

    /// <param name="network">On the CPU, in evaluation mode; it must live as long as this.</param>
    public ScoringNetwork(ResidualNetwork network, FusedConvolutions fused)
    {
        _fused = fused;
        _plan = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);
        _state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
        _stem = Folded(_plan.Stem);
        foreach (BlockPlan block in _plan.Blocks)
        {
            IDisposable? shortcut = block.Projection is { } projection ? Folded(projection) : null;
            _blocks.Add((block, [.. block.Branch.Select(Folded)], shortcut));
        }

        _headWeight = _state["fc.weight"];
        _headBias = _state["fc.bias"];
    }

    /// <summary>Computes the logits.</summary>
    /// <param name="images">[N,C,H,W] float32, normalised.</param>
    /// <returns>[N,K] float32, in the caller's dispose scope.</returns>
    public Tensor Forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        return nn.functional.linear(Features(images), _headWeight, _headBias).MoveToOuterDisposeScope();
    }

    /// <summary>Computes what the head reads: the last stage's activations, averaged over the image.</summary>
    /// <param name="images">[N,C,H,W] float32, normalised.</param>
    /// <returns>[N,FeatureCount] float32, in the caller's dispose scope.</returns>
    public Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        Tensor activations = _stem.Forward(InChannelsLast(images), relu: true);
        if (_plan.HasMaxPool)
        {
            using Tensor whole = activations;
            activations = nn.functional.max_pool2d(whole, kernel_size: 3, stride: 2, padding: 1);
        }

        foreach (var (plan, branch, shortcut) in _blocks)
        {
            activations = Block(activations, plan, branch, shortcut as FoldedConvolution);
        }

        return activations.mean(Spatial).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _stem.Dispose();
        foreach (var (_, branch, shortcut) in _blocks)
        {
            shortcut?.Dispose();
            foreach (FoldedConvolution convolution in branch)
            {
                convolution.Dispose();
            }
        }
    }

    /// <summary>relu(branch(x) + shortcut(x)); the input is used up.</summary>
    private static Tensor Block(Tensor input, BlockPlan plan, FoldedConvolution[] branch, FoldedConvolution? projection)
    {
        Tensor hidden = branch[0].Forward(input, relu: true);
        for (int i = 1; i < branch.Length - 1; i++)
        {
            using Tensor before = hidden;
            hidden = branch[i].Forward(before, relu: true);
        }

        using (hidden)
        {
            if (projection is null && plan.KeepsShape)
            {
                // The input is wanted no more: the sum takes its place.
                branch[^1].AddRelu(input, hidden);
                return input;
            }

            using (input)
            {
                Tensor sum = projection is not null ? projection.Forward(input, relu: false) : InChannelsLast(new ZeroPadShortcut(plan).Forward(input, training: false));
                branch[^1].AddRelu(sum, hidden);
                return sum;
            }
        }
    }

    private FoldedConvolution Folded(ConvolutionPlan plan) => new(plan, () => Fold(plan), _fused);

    /// <summary>norm(conv(x)) as one convolution: weight * scale / deviation, and shift - mean * scale / deviation.</summary>
    private (Tensor Weight, Tensor Bias) Fold(ConvolutionPlan plan)
    {
        using var scope = NewDisposeScope();
        Tensor deviation = (_state[$"{plan.NormName}.running_var"].to(ScalarType.Float64) + ConvolutionNorm.Epsilon).sqrt();
        Tensor factor = _state[$"{plan.NormName}.weight"].to(ScalarType.Float64) / deviation;
        Tensor weight = _state[$"{plan.Name}.weight"].to(ScalarType.Float64) * factor.reshape(-1, 1, 1, 1);
        Tensor bias = _state[$"{plan.NormName}.bias"].to(ScalarType.Float64) - (_state[$"{plan.NormName}.running_mean"].to(ScalarType.Float64) * factor);
        return (weight.to(ScalarType.Float32).MoveToOuterDisposeScope(), bias.to(ScalarType.Float32).MoveToOuterDisposeScope());
    }

    private static Tensor InChannelsLast(Tensor tensor)
    {
        long[] shape = tensor.shape, strides = tensor.stride();
        bool isChannelsLast = strides[1] == 1 && strides[3] == shape[1] && strides[2] == shape[1] * shape[3] && strides[0] == shape[1] * shape[2] * shape[3];
        return isChannelsLast ? tensor : ChannelsLast.Copy(tensor);
    }
}
