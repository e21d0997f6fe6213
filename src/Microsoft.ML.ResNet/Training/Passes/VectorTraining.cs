using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Trains by this library's own kernels, in float32, on processors that have the instructions: every block that is trained is taken forward and backward by hand, in memory that
/// is kept from step to step, frozen ones forward alone; libtorch has the head and the loss. The same number of threads gives the same bits.
/// </summary>
internal sealed unsafe class VectorTraining : INetworkTraining
{
    private readonly ResidualNetwork _network;
    private readonly NetworkPlan _plan;
    private readonly Tensor _headWeight;
    private readonly Tensor _headBias;
    private readonly FrozenForward? _frozen;
    private readonly ConvolutionNormActivation? _stem;
    private readonly List<Block> _blocks = [];
    private readonly GrowingBuffer _images = new();
    private readonly GrowingBuffer _pooled = new();
    private readonly GradientSlots _slots = new();
    private readonly int _threads = KernelThreads.Count;
    private VectorPass? _pass;
    private Activations _input;
    private Activations _stemResult;
    private Tensor? _features;
    private (long Scratch, long Shared) _needs;

    /// <param name="network">On the CPU; its tensors are trained where they are.</param>
    /// <param name="ranks">Those whose batches the normalisations take together; null: this one's alone.</param>
    public VectorTraining(ResidualNetwork network, RankGroup? ranks = null)
    {
        _network = network;
        _plan = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);
        Dictionary<string, Tensor> state = network.StateByName();
        _headWeight = state[Head.WeightName];
        _headBias = state[Head.BiasName];
        bool hasStem = network.FrozenStages == 0;
        _stem = hasStem ? new ConvolutionNormActivation(_plan.Stem, state, relu: true, wantsInputGradient: false, ranks) : null;
        _frozen = hasStem ? null : new FrozenForward(network, _threads);
        foreach (BlockPlan plan in _plan.Blocks.Skip(network.BlocksUpTo(network.FrozenStages)))
        {
            bool wantsGradient = hasStem || _blocks.Count > 0;
            ConvolutionNormActivation[] branch = [.. plan.Branch.Select((convolution, i) => new ConvolutionNormActivation(convolution, state, relu: true, wantsGradient || i > 0, ranks))];
            ConvolutionNormActivation? projection = plan.Projection is null ? null : new ConvolutionNormActivation(plan.Projection, state, relu: false, wantsGradient, ranks);
            _blocks.Add(new Block(plan, branch, projection, wantsGradient));
        }
    }

    /// <summary>Whether this processor has the instructions, and the kernels this network: without groups, of widths that fill vectors.</summary>
    public static bool Supports(ResidualNetwork network, Device device)
        => device.type == DeviceType.CPU
        && network.ActivationType == ScalarType.Float32
        && MatrixKernel.IsSupported
        && NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount).Convolutions.All(convolution => convolution.Groups == 1 && convolution.OutputChannels % MatrixKernel.Columns == 0);

    private bool UsesRunningStatistics => _network.FreezesStatistics;

    public Tensor Forward(Tensor images)
    {
        _network.Check(images);
        using var scope = NewDisposeScope();
        Prepare(_frozen?.Run(images) ?? Copy(images));
        VectorPass pass = _pass!;
        pass.Begin();
        try
        {
            Activations current = _stem is null ? _input : Stem(pass, _stem);
            foreach (Block block in _blocks)
            {
                current = Forward(pass, block, current);
            }

            _features?.Dispose();
            _features = empty(current.Count, current.Channels).DetachFromDisposeScope();
            var mean = new Pooling.Mean(current, TensorMemory.Floats(_features), current.Channels);
            pass.Run(mean, mean.ItemCount);
        }
        finally
        {
            pass.End();
        }

        return nn.functional.linear(_features.requires_grad_(), _headWeight, _headBias).MoveToOuterDisposeScope();
    }

    public void Backward(Tensor loss, Action<string>? ready)
    {
        loss.backward();
        ready?.Invoke(Head.WeightName);
        ready?.Invoke(Head.BiasName);
        if (_blocks.Count == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using IDisposable withoutGradient = no_grad();
        VectorPass pass = _pass!;
        pass.Begin();
        try
        {
            Activations result = _blocks[^1].Result;
            Activations gradient = _slots.Take(result);
            var mean = new PoolingGradient.Mean(TensorMemory.Floats(_features!.grad!.contiguous()), gradient);
            pass.Run(mean, mean.ItemCount);
            foreach (Block block in Enumerable.Reverse(_blocks))
            {
                gradient = Backward(pass, block, gradient, ready);
            }

            if (_stem is not null)
            {
                BackwardStem(pass, _stem, gradient, ready);
            }
        }
        finally
        {
            pass.End();
            _slots.ReturnAll();
        }
    }

    public void Dispose()
    {
        _frozen?.Dispose();
        _stem?.Dispose();
        foreach (Block block in _blocks)
        {
            block.Dispose();
        }

        _images.Dispose();
        _pooled.Dispose();
        _slots.Dispose();
        _pass?.Dispose();
        _features?.Dispose();
    }

    private Activations Copy(Tensor images)
    {
        long[] shape = images.shape;
        var copy = new Activations(0, (int)shape[0], (int)shape[2], (int)shape[3], _plan.Stem.InputChannels);
        copy = copy with { Data = _images.For(copy.Length) };
        TensorMemory.Values(images.permute(0, 2, 3, 1).contiguous()).CopyTo(new Span<float>(copy.Pointer, checked((int)copy.Length)));
        return copy;
    }

    /// <summary>Settles shapes and memory where the batch has another size than the last one.</summary>
    /// <param name="input">The images, or what the frozen stages make of them.</param>
    private void Prepare(Activations input)
    {
        if (_pass is not null && _input == input)
        {
            return;
        }

        _input = input;
        _needs = default;
        Activations current = input;
        if (_stem is not null)
        {
            Need(_stem.Prepare(input, _threads));
            _stemResult = _stem.Result;
            if (_plan.HasMaxPool)
            {
                Activations pooled = Pooling.Maximum.Shape(_stem.Result);
                _stemResult = pooled with { Data = _pooled.For(pooled.Length) };
            }

            current = _stemResult;
        }

        foreach (Block block in _blocks)
        {
            Activations inner = current;
            foreach (ConvolutionNormActivation unit in block.Branch)
            {
                Need(unit.Prepare(inner, _threads));
                inner = unit.Result;
            }

            if (block.Projection is { } projection)
            {
                Need(projection.Prepare(current, _threads));
            }
            else if (!block.Plan.KeepsShape)
            {
                block.Shortcut = inner with { Data = block.ShortcutMemory.For(inner.Length) };
            }

            current = inner;
        }

        _pass?.Dispose();
        _pass = null;
        _pass = new VectorPass(_threads, _needs.Scratch, _needs.Shared);
    }

    private void Need((long Scratch, long Shared) needs)
        => _needs = (Math.Max(_needs.Scratch, needs.Scratch), Math.Max(_needs.Shared, needs.Shared));

    private Activations Stem(VectorPass pass, ConvolutionNormActivation stem)
    {
        stem.Forward(pass, _input, residual: default, UsesRunningStatistics);
        if (_plan.HasMaxPool)
        {
            var maximum = new Pooling.Maximum(stem.Result, _stemResult);
            pass.Run(maximum, maximum.ItemCount);
        }

        return _stemResult;
    }

    private Activations Forward(VectorPass pass, Block block, Activations input)
    {
        block.Input = input;
        Activations inner = input, shortcut = input;
        for (int i = 0; i < block.Branch.Count - 1; i++)
        {
            inner = block.Branch[i].Forward(pass, inner, residual: default, UsesRunningStatistics);
        }

        if (block.Projection is { } projection)
        {
            shortcut = projection.Forward(pass, input, residual: default, UsesRunningStatistics);
        }
        else if (!block.Plan.KeepsShape)
        {
            shortcut = block.Shortcut;
            var subsample = new Pooling.Subsample(input, shortcut, block.Plan.InputChannels, ZeroPadShortcut.MissingChannels(block.Plan).Before, block.Plan.Stride);
            pass.Run(subsample, subsample.ItemCount);
        }

        return block.Branch[^1].Forward(pass, inner, shortcut, UsesRunningStatistics);
    }

    /// <summary>From the gradient of a block's result to that of its input, where that is wanted.</summary>
    private Activations Backward(VectorPass pass, Block block, Activations gradient, Action<string>? ready)
    {
        // What comes in stays, where the ReLU lets it through, for the shortcut.
        ConvolutionNormActivation last = block.Branch[^1];
        Activations inner = _slots.Take(gradient);
        last.Backward(pass, gradient, inner, UsesRunningStatistics);
        last.Tell(ready);
        for (int i = block.Branch.Count - 1; i > 0; i--)
        {
            Activations before = _slots.Take(block.Branch[i - 1].Result);
            block.Branch[i].InputGradient(pass, inner, before, residual: default);
            _slots.Return(inner);
            inner = before;
            block.Branch[i - 1].Backward(pass, inner, inner, UsesRunningStatistics);
            block.Branch[i - 1].Tell(ready);
        }

        Activations shortcut = gradient;
        if (block.Projection is { } projection)
        {
            projection.Backward(pass, gradient, gradient, UsesRunningStatistics);
            projection.Tell(ready);
        }

        if (!block.WantsInputGradient)
        {
            return default;
        }

        if (block.Projection is { } projected)
        {
            shortcut = _slots.Take(block.Input);
            projected.InputGradient(pass, gradient, shortcut, residual: default);
            _slots.Return(gradient);
        }
        else if (!block.Plan.KeepsShape)
        {
            shortcut = _slots.Take(block.Input);
            var subsample = new PoolingGradient.Subsample(gradient, shortcut, ZeroPadShortcut.MissingChannels(block.Plan).Before, block.Plan.Stride);
            pass.Run(subsample, subsample.ItemCount);
            _slots.Return(gradient);
        }

        Activations result = _slots.Take(block.Input);
        block.Branch[0].InputGradient(pass, inner, result, shortcut);
        _slots.Return(inner);
        _slots.Return(shortcut);
        return result;
    }

    private void BackwardStem(VectorPass pass, ConvolutionNormActivation stem, Activations gradient, Action<string>? ready)
    {
        Activations before = gradient;
        if (_plan.HasMaxPool)
        {
            before = _slots.Take(stem.Result);
            var maximum = new PoolingGradient.Maximum(stem.Result, gradient, before);
            pass.Run(maximum, maximum.ItemCount);
        }

        stem.Backward(pass, before, before, UsesRunningStatistics);
        stem.Tell(ready);
    }

    /// <summary>A block's units, and what its forward keeps for its backward.</summary>
    private sealed class Block(BlockPlan plan, IReadOnlyList<ConvolutionNormActivation> branch, ConvolutionNormActivation? projection, bool wantsInputGradient) : IDisposable
    {
        public BlockPlan Plan => plan;

        public IReadOnlyList<ConvolutionNormActivation> Branch => branch;

        public ConvolutionNormActivation? Projection => projection;

        /// <summary>Whether something before it is trained.</summary>
        public bool WantsInputGradient => wantsInputGradient;

        public Activations Result => branch[^1].Result;

        public Activations Input { get; set; }

        /// <summary>What a shortcut without projection gives, where it isn't the input.</summary>
        public Activations Shortcut { get; set; }

        public GrowingBuffer ShortcutMemory { get; } = new();

        public void Dispose()
        {
            foreach (ConvolutionNormActivation unit in branch)
            {
                unit.Dispose();
            }

            projection?.Dispose();
            ShortcutMemory.Dispose();
        }
    }
}
