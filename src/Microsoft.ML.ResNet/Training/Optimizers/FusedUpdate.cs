using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// An optimiser's step over all parameters at once, on the CPU: each value is read and written once, in pieces that the processor's cores
/// share. Every value is computed by itself, so that the result doesn't depend on who computes what.
/// </summary>
internal abstract unsafe class FusedUpdate : IParallelWork
{
    /// <summary>Some microseconds of work.</summary>
    private const int PieceLength = 16384;

    private readonly List<Piece> _pieces = [];

    /// <summary>Whether a parameter and an optimiser's memory of it are float32, on the CPU, and laid out alike without gaps.</summary>
    public static bool Supports(Tensor parameter, params ReadOnlySpan<Tensor> memories)
    {
        foreach (Tensor memory in memories)
        {
            if (!IsLaidOutAs(parameter, memory))
            {
                return false;
            }
        }

        return parameter.device_type == DeviceType.CPU && parameter.dtype == ScalarType.Float32 && IsDense(parameter);
    }

    /// <summary>Adds a parameter to the step. Its tensors, and the caller's dispose scope, have to stay until <see cref="Run"/>.</summary>
    /// <param name="first">The optimiser's memory of it.</param>
    /// <param name="second">More of it, or null.</param>
    /// <param name="rate">What the rule takes for the parameter's learning rate.</param>
    /// <param name="decay">And for its weight decay.</param>
    public void Add(Tensor parameter, Tensor gradient, Tensor first, Tensor? second, double rate, double decay)
    {
        int length = checked((int)parameter.numel());
        if (length == 0)
        {
            return;
        }

        Tensor laidOut = IsLaidOutAs(parameter, gradient) ? gradient : empty_like(parameter).copy_(gradient);
        float* weights = Memory(parameter), gradients = Memory(laidOut), firsts = Memory(first);
        float* seconds = second is null ? null : Memory(second);
        for (int start = 0; start < length; start += PieceLength)
        {
            _pieces.Add(new Piece(
                (nint)(weights + start),
                (nint)(gradients + start),
                (nint)(firsts + start),
                seconds is null ? 0 : (nint)(seconds + start),
                Math.Min(PieceLength, length - start),
                (float)rate,
                (float)decay));
        }
    }

    /// <summary>Takes the step, and forgets the parameters.</summary>
    public void Run()
    {
        if (IntraOpThreadPool.Shared.TryEnter())
        {
            try
            {
                IntraOpThreadPool.Shared.Run(this, _pieces.Count, KernelThreads.Count);
            }
            finally
            {
                IntraOpThreadPool.Shared.Leave();
            }
        }
        else
        {
            IntraOpThreadPool.RunAlone(this, _pieces.Count);
        }

        _pieces.Clear();
    }

    public void Do(int item, int worker) => Apply(_pieces[item]);

    protected abstract void Apply(in Piece piece);

    private static float* Memory(Tensor tensor) => TensorMemory.Floats(tensor.as_strided([tensor.numel()], [1], tensor.storage_offset()));

    private static bool IsDense(Tensor tensor)
    {
        long last = 0;
        for (int i = 0; i < tensor.dim(); i++)
        {
            last += (tensor.size(i) - 1) * tensor.stride(i);
        }

        return tensor.numel() == 0 || last + 1 == tensor.numel();
    }

    private static bool IsLaidOutAs(Tensor tensor, Tensor other)
    {
        if (other.device_type != tensor.device_type || other.dtype != tensor.dtype || other.dim() != tensor.dim())
        {
            return false;
        }

        for (int i = 0; i < tensor.dim(); i++)
        {
            // Where there is one value in a dimension, its stride tells nothing.
            if (other.size(i) != tensor.size(i) || (tensor.size(i) != 1 && other.stride(i) != tensor.stride(i)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Some values of one parameter, with what an optimiser's rule takes.</summary>
    protected readonly record struct Piece(nint Weights, nint Gradients, nint Firsts, nint Seconds, int Count, float Rate, float Decay);
}
