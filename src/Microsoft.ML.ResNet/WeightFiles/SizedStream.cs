namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>A stream that is read from begin to end and whose length is known.</summary>
/// <param name="source">It stays open.</param>
internal sealed class SizedStream(Stream source, long length) : Stream
{
    private long _position;

    /// <summary>The bytes that are left to read.</summary>
    public long Remaining => length - _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = source.Read(buffer);
        _position += count;
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
