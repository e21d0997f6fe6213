using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Floats outside the managed heap, at an address that whole vectors are loaded from. All are zero at first.</summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    /// <summary>A cache line, and the widest vector.</summary>
    private const nuint Alignment = 64;

    private float* _pointer;

    /// <exception cref="OutOfMemoryException">There isn't as much memory.</exception>
    public AlignedBuffer(long length)
    {
        Length = length;
        nuint bytes = checked((nuint)Math.Max(length, 1) * sizeof(float));
        _pointer = (float*)NativeMemory.AlignedAlloc(bytes, Alignment);
        NativeMemory.Clear(_pointer, bytes);
    }

    ~AlignedBuffer() => Free();

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
        if (_pointer is not null)
        {
            NativeMemory.AlignedFree(_pointer);
            _pointer = null;
        }
    }
}
