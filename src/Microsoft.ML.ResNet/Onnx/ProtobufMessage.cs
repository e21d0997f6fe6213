using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>
/// A message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding): numbered fields, written in the order in which
/// they were added. Large contents are made while they are written, so that a message of many tensors never lies in memory as a whole.
/// </summary>
internal sealed class ProtobufMessage
{
    private const int Varint = 0;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private readonly List<Field> _fields = [];

    /// <summary>The length in bytes of the message as it is now.</summary>
    public long Size => _fields.Sum(part => part.Size);

    /// <summary>Adds an integer or the number of an enumeration's member.</summary>
    public ProtobufMessage Add(int number, long value) => Add([.. Tag(number, Varint), .. Encode(value)]);

    /// <summary>Adds a single-precision number.</summary>
    public ProtobufMessage Add(int number, float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Add([.. Tag(number, Fixed32), .. bytes]);
    }

    /// <summary>Adds a text in UTF-8.</summary>
    public ProtobufMessage Add(int number, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Add([.. Tag(number, LengthDelimited), .. Encode(bytes.Length), .. bytes]);
    }

    /// <summary>Adds a message, which may still grow until this one is written.</summary>
    public ProtobufMessage Add(int number, ProtobufMessage message)
    {
        _fields.Add(new Field(Tag(number, LengthDelimited), message, 0, null));
        return this;
    }

    /// <summary>Adds bytes that are made when the message is written.</summary>
    /// <param name="length">How many bytes <paramref name="create"/> gives.</param>
    public ProtobufMessage Add(int number, long length, Func<byte[]> create)
    {
        _fields.Add(new Field([.. Tag(number, LengthDelimited), .. Encode(length)], null, length, create));
        return this;
    }

    public void WriteTo(Stream stream)
    {
        foreach (Field field in _fields)
        {
            stream.Write(field.Head);
            if (field.Message is { } message)
            {
                stream.Write(Encode(message.Size));
                message.WriteTo(stream);
            }
            else if (field.Create is { } create)
            {
                byte[] content = create();
                stream.Write(content.Length == field.Length
                    ? content
                    : throw new InvalidOperationException($"A field of {field.Length} bytes was filled with {content.Length}."));
            }
        }
    }

    private ProtobufMessage Add(byte[] head)
    {
        _fields.Add(new Field(head, null, 0, null));
        return this;
    }

    private static byte[] Tag(int number, int wireType) => Encode((number << 3) | wireType);

    /// <summary>Seven bits a byte, lowest first, the eighth bit set in all but the last; negative numbers take ten bytes.</summary>
    private static byte[] Encode(long value)
    {
        List<byte> bytes = [];
        ulong rest = unchecked((ulong)value);
        for (; rest > 0x7F; rest >>= 7)
        {
            bytes.Add((byte)(rest | 0x80));
        }

        return [.. bytes, (byte)rest];
    }

    /// <summary>A field whose content is in its head, in a message, or made when it is written.</summary>
    private sealed record Field(byte[] Head, ProtobufMessage? Message, long Length, Func<byte[]>? Create)
    {
        public long Size => Head.Length + (Message is null ? Length : Encode(Message.Size).Length + Message.Size);
    }
}
