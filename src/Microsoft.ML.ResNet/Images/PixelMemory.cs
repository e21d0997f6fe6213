using System.Buffers;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Bytes of images: from the shared pool, or, where an image is so large that few are like it, from the system, which has them back at once. A pool would keep
/// gigabytes for as long as the process doesn't ask for as much again. There is no finalizer: it could free what a span still reads.
/// </summary>
internal sealed unsafe class PixelMemory : IDisposable
{
    /// <summary>The longest that is taken from the pool: a picture of 16 megapixels and four channels.</summary>
    public const int LongestPooled = 64 << 20;

    private readonly int _length;
    private byte[]? _pooled;
    private void* _own;

    /// <param name="length">Bytes; their content is undefined.</param>
    /// <exception cref="OutOfMemoryException">There isn't as much memory.</exception>
    public PixelMemory(int length)
    {
        _length = length;
        if (length <= LongestPooled)
        {
            _pooled = ArrayPool<byte>.Shared.Rent(length);
        }
        else
        {
            _own = NativeMemory.Alloc((nuint)length);
        }
    }

    /// <summary>Exactly the bytes. They are valid until this is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Span<byte> Span => _pooled is { } pooled ? pooled.AsSpan(0, _length)
        : _own is not null ? new Span<byte>(_own, _length)
        : throw new ObjectDisposedException(nameof(PixelMemory));

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _pooled, null) is { } pooled)
        {
            ArrayPool<byte>.Shared.Return(pooled);
        }
        else
        {
            NativeMemory.Free(_own);
            _own = null;
        }
    }
}
