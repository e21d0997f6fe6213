using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Memory for one run of a kernel. Where the system can, every buffer, also those that the kernel makes, ends before a page that may not be
/// touched: a kernel that reads or writes one value too many ends the test host.
/// </summary>
internal sealed unsafe class KernelBuffers : IDisposable
{
    private readonly List<AlignedBuffer> _buffers = [];
    private readonly Random _random;

    public KernelBuffers(Random random)
    {
        _random = random;
        AlignedBuffer.UsesGuardPages = GuardedMemory.IsSupported;
    }

    /// <summary>Values between -1 and 1.</summary>
    public float* Values(long length)
    {
        float* values = Zeros(length);
        for (long i = 0; i < length; i++)
        {
            values[i] = (2 * _random.NextSingle()) - 1;
        }

        return values;
    }

    public float* Zeros(long length)
    {
        var buffer = new AlignedBuffer(length);
        _buffers.Add(buffer);
        return buffer.Pointer;
    }

    /// <summary>Activations of which the first channels have values between -1 and 1, and those that fill whole panels are zero.</summary>
    /// <param name="stored">The values of a pixel, with those of zero.</param>
    public Activations Activations(int count, int height, int width, int channels, int stored)
    {
        Activations activations = Empty(count, height, width, stored);
        for (long i = 0; i < activations.Length; i++)
        {
            activations.Pointer[i] = i % stored < channels ? (2 * _random.NextSingle()) - 1 : 0;
        }

        return activations;
    }

    /// <summary>Activations that a kernel has yet to compute: none is a number.</summary>
    public Activations Empty(int count, int height, int width, int stored)
    {
        var activations = new Activations(0, count, height, width, stored);
        return Filled(activations with { Data = (nint)Zeros(activations.Length) });
    }

    /// <summary>The same for a shape without memory.</summary>
    public Activations Empty(Activations shape) => Empty(shape.Count, shape.Height, shape.Width, shape.Channels);

    public void Dispose()
    {
        AlignedBuffer.UsesGuardPages = false;
        foreach (AlignedBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }

    private static Activations Filled(Activations activations)
    {
        new Span<float>(activations.Pointer, checked((int)activations.Length)).Fill(float.NaN);
        return activations;
    }
}
