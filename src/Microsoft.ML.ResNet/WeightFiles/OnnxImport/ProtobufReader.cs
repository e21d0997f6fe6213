using System.Text;

namespace Microsoft.ML.ResNet.WeightFiles.OnnxImport;

/// <summary>
/// Walks the fields of one protobuf message (https://protobuf.dev/programming-guides/encoding). Nothing is copied and every length is
/// checked against what is left.
/// </summary>
internal struct ProtobufReader(ReadOnlyMemory<byte> message)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private int _position;
    private int _wireType;

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    private readonly int Left => message.Length - _position;

    /// <summary>Goes to the next field. The one before must have been read or skipped.</summary>
    public bool Next()
    {
        if (Left == 0)
        {
            return false;
        }

        ulong tag = ReadVarint();
        (Field, _wireType) = tag <= uint.MaxValue ? ((int)(tag >> 3), (int)(tag & 7)) : throw Damaged();
        return Field > 0 ? true : throw Damaged();
    }

    public void Skip()
    {
        switch (_wireType)
        {
            case Varint:
                ReadVarint();
                break;
            case Fixed64:
                Take(8);
                break;
            case Fixed32:
                Take(4);
                break;
            default:
                ReadBytes();
                break;
        }
    }

    public long ReadInt64() => _wireType == Varint ? (long)ReadVarint() : throw Damaged();

    public float ReadSingle() => _wireType == Fixed32 ? BitConverter.ToSingle(Take(4).Span) : throw Damaged();

    public ReadOnlyMemory<byte> ReadBytes()
    {
        ulong length = _wireType == LengthDelimited ? ReadVarint() : throw Damaged();
        return length <= (ulong)Left ? Take((int)length) : throw Damaged();
    }

    public string ReadText() => Encoding.UTF8.GetString(ReadBytes().Span);

    /// <summary>Adds the field's integers: one, or as many as it has packed.</summary>
    public void ReadInt64s(List<long> values)
    {
        if (_wireType == Varint)
        {
            values.Add((long)ReadVarint());
            return;
        }

        var packed = new ProtobufReader(ReadBytes());
        while (packed.Left > 0)
        {
            values.Add((long)packed.ReadVarint());
        }
    }

    /// <summary>Adds the bytes of the field's fixed-size numbers: of one, or of as many as it has packed.</summary>
    public void ReadFixed(List<ReadOnlyMemory<byte>> parts)
        => parts.Add(_wireType switch
        {
            Fixed32 => Take(4),
            Fixed64 => Take(8),
            _ => ReadBytes(),
        });

    private ulong ReadVarint()
    {
        ulong value = 0;
        ReadOnlySpan<byte> bytes = message.Span[_position..];
        for (int i = 0; i < Math.Min(bytes.Length, 10); i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
            {
                _position += i + 1;
                return value;
            }
        }

        throw Damaged();
    }

    private ReadOnlyMemory<byte> Take(int count)
    {
        ReadOnlyMemory<byte> taken = count <= Left ? message.Slice(_position, count) : throw Damaged();
        _position += count;
        return taken;
    }

    private readonly InvalidDataException Damaged() => new($"the protobuf message is damaged or cut short at byte {_position} of {message.Length}, field {Field}.");
}
