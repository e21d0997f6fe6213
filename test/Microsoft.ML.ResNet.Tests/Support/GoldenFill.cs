using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Weights and images by a formula that was run in PyTorch as well: a hash of the entry's place in the state and of the element's flat
/// index in it, as a number in [-1, 1), scaled by the kind of entry. Wrapping 32-bit arithmetic, then double, then float.
/// </summary>
internal static class GoldenFill
{
    private const int ImageEntry = 1000;
    private const int ChunkLength = 1 << 16;

    /// <summary>Sets every parameter and buffer of the network.</summary>
    public static void Fill(ResidualNetwork network)
    {
        bool hasBottlenecks = network.Specification.Block == ResNetBlock.Bottleneck;
        foreach (((string name, Tensor target), int entry) in network.StateEntries.Select((state, i) => (state, i)).ToArray())
        {
            // zero_ gives a second tensor object, which would wait for the finalizer.
            using var scope = NewDisposeScope();
            using IDisposable withoutGradients = no_grad();
            if (target.dtype == ScalarType.Int64)
            {
                target.zero_();
                continue;
            }

            (double offset, double factor) = Scale(name, target.shape, hasBottlenecks);
            using Tensor values = Values(target.shape, entry, offset, factor);
            target.copy_(values);
        }
    }

    /// <summary>Images of the shape, <c>[N,C,H,W] float32</c> in [-2, 2), in the caller's dispose scope.</summary>
    public static Tensor Images(params long[] shape) => Values(shape, ImageEntry, offset: 0, factor: 2);

    private static (double Offset, double Factor) Scale(string name, long[] shape, bool hasBottlenecks)
    {
        if (shape.Length > 1)
        {
            long fanIn = shape.Skip(1).Aggregate((product, side) => product * side);
            return (0, Math.Sqrt((shape.Length == 4 ? 6.0 : 3.0) / fanIn));
        }

        bool isLastOfBranch = name.Contains(hasBottlenecks ? ".bn3." : ".bn2.", StringComparison.Ordinal);
        return name[(name.LastIndexOf('.') + 1)..] switch
        {
            "running_var" => (1, 0.5),
            "running_mean" or "bias" => (0, 0.1),
            "weight" when isLastOfBranch => (0.375, 0.125),
            "weight" => (0.75, 0.25),
            _ => throw new ArgumentException($"No rule for '{name}'.", nameof(name)),
        };
    }

    private static Tensor Values(long[] shape, int entry, double offset, double factor)
    {
        float[] values = new float[shape.Aggregate(1L, (product, side) => product * side)];
        Parallel.For(0, (values.Length + ChunkLength - 1) / ChunkLength, chunk =>
        {
            int end = Math.Min((chunk + 1) * ChunkLength, values.Length);
            for (int i = chunk * ChunkLength; i < end; i++)
            {
                values[i] = (float)(offset + (factor * SignedUnit(entry, i)));
            }
        });

        Tensor tensor = empty(shape, dtype: ScalarType.Float32);
        MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(tensor.bytes);
        return tensor;
    }

    private static double SignedUnit(int entry, int index)
    {
        unchecked
        {
            uint x = (uint)index + (0x9E3779B9u * (uint)(entry + 1));
            x ^= x >> 16;
            x *= 0x85EBCA6Bu;
            x ^= x >> 13;
            x *= 0xC2B2AE35u;
            x ^= x >> 16;
            return ((x >> 8) / 8388608.0) - 1.0;
        }
    }
}
