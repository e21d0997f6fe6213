using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Floats outside the managed heap, at an address that whole vectors are loaded from.</summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    /// <summary>A cache line, and the widest vector.</summary>
    private const nuint Alignment = 64;

    /// <summary>From here on the garbage collector is told of the bytes. It would see nothing of a model that was forgotten rather than disposed.</summary>
    private const nuint LeastPressure = 1 << 20;

    private readonly GuardedMemory? _guarded;
    private readonly long _pressure;
    private float* _pointer;

    /// <param name="isCleared">Whether all are zero at first; else they are anything.</param>
    /// <exception cref="OutOfMemoryException">There isn't as much memory.</exception>
    public AlignedBuffer(long length, bool isCleared = true)
    {
        Length = length;
        nuint bytes = checked((nuint)Math.Max(length, 1) * sizeof(float));
        if (UsesGuardPages)
        {
            _guarded = new GuardedMemory(bytes);
            _pointer = (float*)_guarded.Pointer;
            return;
        }

        _pointer = HugePages.AreWorthwhile(bytes) ? (float*)HugePages.Allocate(bytes) : (float*)NativeMemory.AlignedAlloc(bytes, Alignment);
        if (bytes >= LeastPressure)
        {
            _pressure = (long)bytes;
            GC.AddMemoryPressure(_pressure);
        }

        if (isCleared)
        {
            NativeMemory.Clear(_pointer, bytes);
        }
    }

    ~AlignedBuffer() => Free();

    /// <summary>
    /// Whether buffers that are made from now on end before a page that may not be touched, for tests of kernels: those that don't hold whole
    /// vectors are then not aligned.
    /// </summary>
    public static bool UsesGuardPages { get; set; }

    public long Length { get; }

    /// <summary>The first float. It is valid as long as this object is referenced.</summary>
    public float* Pointer => _pointer;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is null)
        {
            return;
        }

        if (_guarded is not null)
        {
            _guarded.Dispose();
        }
        else
        {
            NativeMemory.AlignedFree(_pointer);
            if (_pressure > 0)
            {
                GC.RemoveMemoryPressure(_pressure);
            }
        }

        _pointer = null;
    }
}
