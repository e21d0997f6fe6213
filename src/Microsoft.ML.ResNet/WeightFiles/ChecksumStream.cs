using System.IO.Hashing;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Content of a known length and checksum, read from begin to end. The checksum is compared when all has been read.</summary>
/// <param name="source">It stays open.</param>
/// <param name="fault">The error where the checksum is another.</param>
internal sealed class ChecksumStream(Stream source, long length, uint crc32, string fault) : Stream
{
    private readonly Crc32 _read = new();
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

    /// <exception cref="InvalidDataException">The content is not what was written.</exception>
    public override int Read(Span<byte> buffer)
    {
        int count = source.Read(buffer);
        _position += count;
        _read.Append(buffer[..count]);
        return count == 0 || _position < length || _read.GetCurrentHashAsUInt32() == crc32
            ? count
            : throw new InvalidDataException(fault);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
