using System.Text;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes one protobuf message, field by field.</summary>
internal sealed class ProtobufWriter
{
    private readonly MemoryStream _stream = new();

    public ProtobufWriter Number(int field, long value)
    {
        Varint((ulong)(field << 3));
        Varint((ulong)value);
        return this;
    }

    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint((ulong)((field << 3) | 2));
        Varint((ulong)value.Length);
        _stream.Write(value);
        return this;
    }

    public ProtobufWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtobufWriter Message(int field, ProtobufWriter value) => Bytes(field, value.ToArray());

    public byte[] ToArray() => _stream.ToArray();

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _stream.WriteByte((byte)(value | 0x80));
        }

        _stream.WriteByte((byte)value);
    }
}
