using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// The steps through a network for one size of batch, and which slot of memory each reads and writes: a slot is taken again as soon as
/// it is no longer read.
/// </summary>
internal sealed class ExecutionPlan
{
    private readonly IReadOnlyList<VectorConvolution> _convolutions;
    private readonly List<ExecutionStep> _steps = [];
    private readonly List<long> _slots = [];
    private readonly Stack<int> _free = [];

    /// <param name="convolutions">In the order of <see cref="NetworkPlan.Convolutions"/>.</param>
    public ExecutionPlan(NetworkPlan plan, IReadOnlyList<VectorConvolution> convolutions, int count, int height, int width)
    {
        _convolutions = convolutions;
        var current = new Value(Take(0), new Activations(0, count, height, width, plan.Stem.InputChannels));
        _slots[0] = current.Shape.Length;
        Input = current.Shape;
        int next = 0;
        current = Replace(current, Convolve(next++, current, residual: null, relu: true));
        if (plan.HasMaxPool)
        {
            Activations shape = Pooling.Maximum.Shape(current.Shape);
            var pooled = new Value(Take(shape.Length), shape);
            _steps.Add(new ExecutionStep(ExecutionStepKind.MaximumPool, -1, current.Slot, pooled.Slot, -1, Relu: false, current.Shape, shape));
            current = Replace(current, pooled);
        }

        foreach (BlockPlan block in plan.Blocks)
        {
            current = Block(block, current, ref next);
        }

        Output = current.Shape;
        OutputSlot = current.Slot;
    }

    public IReadOnlyList<ExecutionStep> Steps => _steps;

    /// <summary>The floats of each slot. The images go into slot 0.</summary>
    public IReadOnlyList<long> Slots => _slots;

    public Activations Input { get; }

    /// <summary>The last stage's activations.</summary>
    public Activations Output { get; }

    public int OutputSlot { get; }

    /// <summary>relu(branch(x) + shortcut(x)).</summary>
    private Value Block(BlockPlan block, Value input, ref int next)
    {
        int first = next, projection = first + block.Branch.Count;
        next = projection + (block.Projection is null ? 0 : 1);
        Value inner = input;
        for (int i = 0; i < block.Branch.Count - 1; i++)
        {
            Value convolved = Convolve(first + i, inner, residual: null, relu: true);
            if (i > 0)
            {
                _free.Push(inner.Slot);
            }

            inner = convolved;
        }

        Value shortcut = input;
        if (block.Projection is not null)
        {
            shortcut = Replace(input, Convolve(projection, input, residual: null, relu: false));
        }
        else if (!block.KeepsShape)
        {
            shortcut = Replace(input, Subsample(block, input));
        }

        Value output = Convolve(projection - 1, inner, shortcut, relu: true);
        _free.Push(inner.Slot);
        _free.Push(shortcut.Slot);
        return output;
    }

    private Value Convolve(int convolution, Value input, Value? residual, bool relu)
    {
        Activations shape = _convolutions[convolution].Shape(input.Shape);
        var output = new Value(Take(shape.Length), shape);
        _steps.Add(new ExecutionStep(ExecutionStepKind.Convolve, convolution, input.Slot, output.Slot, residual?.Slot ?? -1, relu, input.Shape, shape));
        return output;
    }

    private Value Subsample(BlockPlan block, Value input)
    {
        Activations shape = input.Shape with
        {
            Height = (input.Shape.Height + block.Stride - 1) / block.Stride,
            Width = (input.Shape.Width + block.Stride - 1) / block.Stride,
            Channels = ConvolutionPanel.Stored(block.OutputChannels),
        };
        var output = new Value(Take(shape.Length), shape);
        _steps.Add(new ExecutionStep(ExecutionStepKind.Subsample, -1, input.Slot, output.Slot, -1, Relu: false, input.Shape, shape)
        {
            Shortcut = (block.InputChannels, ZeroPadShortcut.MissingChannels(block).Before, block.Stride),
        });
        return output;
    }

    /// <summary>Frees the slot of what is not read any more.</summary>
    private Value Replace(Value old, Value value)
    {
        _free.Push(old.Slot);
        return value;
    }

    private int Take(long length)
    {
        if (_free.Count == 0)
        {
            _slots.Add(0);
            _free.Push(_slots.Count - 1);
        }

        int slot = _free.Pop();
        _slots[slot] = Math.Max(_slots[slot], length);
        return slot;
    }

    private sealed record Value(int Slot, Activations Shape);
}
