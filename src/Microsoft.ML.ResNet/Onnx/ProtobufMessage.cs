using Google.Protobuf;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>
/// A protobuf message: numbered fields, written in the order in which they were added. Large contents are made while they are written, so
/// that a message of many tensors never lies in memory as a whole.
/// </summary>
internal sealed class ProtobufMessage
{
    private readonly List<Field> _fields = [];

    /// <summary>The length in bytes of the message as it is now.</summary>
    public long Size => _fields.Sum(part => part.Size());

    /// <summary>Adds an integer or the number of an enumeration's member.</summary>
    public ProtobufMessage Add(int number, long value) => Add(number, WireFormat.WireType.Varint, CodedOutputStream.ComputeInt64Size(value), output => output.WriteInt64(value));

    /// <summary>Adds a single-precision number.</summary>
    public ProtobufMessage Add(int number, float value) => Add(number, WireFormat.WireType.Fixed32, CodedOutputStream.ComputeFloatSize(value), output => output.WriteFloat(value));

    /// <summary>Adds a text in UTF-8.</summary>
    public ProtobufMessage Add(int number, string text) => Add(number, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeStringSize(text), output => output.WriteString(text));

    /// <summary>Adds a message, which may still grow until this one is written.</summary>
    public ProtobufMessage Add(int number, ProtobufMessage message) => Add(
        number,
        WireFormat.WireType.LengthDelimited,
        () => CodedOutputStream.ComputeUInt64Size((ulong)message.Size) + message.Size,
        output =>
        {
            output.WriteUInt64((ulong)message.Size);
            message.WriteTo(output);
        });

    /// <summary>Adds bytes that are made when the message is written.</summary>
    /// <param name="length">How many bytes <paramref name="create"/> gives.</param>
    public ProtobufMessage Add(int number, long length, Func<byte[]> create) => Add(
        number,
        WireFormat.WireType.LengthDelimited,
        () => CodedOutputStream.ComputeUInt64Size((ulong)length) + length,
        output =>
        {
            byte[] content = create();
            output.WriteBytes(content.Length == length
                ? UnsafeByteOperations.UnsafeWrap(content)
                : throw new InvalidOperationException($"A field of {length} bytes was filled with {content.Length}."));
        });

    public void WriteTo(Stream stream)
    {
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        WriteTo(output);
    }

    private void WriteTo(CodedOutputStream output)
    {
        foreach (Field part in _fields)
        {
            output.WriteTag(part.Number, part.Type);
            part.WriteContent(output);
        }
    }

    private ProtobufMessage Add(int number, WireFormat.WireType type, int size, Action<CodedOutputStream> writeContent) => Add(number, type, () => size, writeContent);

    private ProtobufMessage Add(int number, WireFormat.WireType type, Func<long> contentSize, Action<CodedOutputStream> writeContent)
    {
        _fields.Add(new Field(number, type, contentSize, writeContent));
        return this;
    }

    private sealed record Field(int Number, WireFormat.WireType Type, Func<long> ContentSize, Action<CodedOutputStream> WriteContent)
    {
        public long Size() => CodedOutputStream.ComputeTagSize(Number) + ContentSize();
    }
}
