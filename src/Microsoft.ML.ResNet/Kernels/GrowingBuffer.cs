namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Memory that is made larger when more is asked for; its content is lost then.</summary>
internal sealed unsafe class GrowingBuffer : IDisposable
{
    private AlignedBuffer? _buffer;

    public long Length => _buffer?.Length ?? 0;

    /// <summary>The first of at least as many floats; of exactly as many where buffers have guard pages.</summary>
    public nint For(long length)
    {
        if (_buffer is null || _buffer.Length < length || (AlignedBuffer.UsesGuardPages && _buffer.Length != length))
        {
            _buffer?.Dispose();
            _buffer = null;
            _buffer = new AlignedBuffer(length);
        }

        return (nint)_buffer.Pointer;
    }

    public void Dispose() => _buffer?.Dispose();
}
