using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.WeightFiles.OnnxImport;

/// <summary>Reads an initialiser of an ONNX graph.</summary>
internal static class OnnxTensor
{
    private const int Text = 8;

    /// <summary>TensorProto: dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8, raw_data 9, double_data 10, data_location 14.</summary>
    /// <returns>The name, and the tensor; null of texts, which are no weights.</returns>
    /// <exception cref="InvalidDataException">Its bytes are not those of its shape, or lie in another file.</exception>
    public static (string Name, WeightTensor? Values) Parse(ReadOnlyMemory<byte> message)
    {
        List<long> shape = [];
        List<long> integers = [];
        List<ReadOnlyMemory<byte>> parts = [];
        long typeNumber = 0;
        string name = "";
        bool isExternal = false;
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.ReadInt64s(shape);
                    break;
                case 2:
                    typeNumber = reader.ReadInt64();
                    break;
                case 4 or 10:
                    reader.ReadFixed(parts);
                    break;
                case 5 or 7:
                    reader.ReadInt64s(integers);
                    break;
                case 8:
                    name = reader.ReadText();
                    break;
                case 9:
                    parts.Add(reader.ReadBytes());
                    break;
                case 14:
                    isExternal = reader.ReadInt64() != 0;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (isExternal)
        {
            throw new InvalidDataException($"the values of '{name}' lie in another file, which is not read. Export the network to a single file.");
        }

        if (typeNumber == Text)
        {
            return (name, null);
        }

        WeightElementType type = ElementTypes.OfOnnx(typeNumber) ?? throw new InvalidDataException($"'{name}' has the element type {typeNumber}, which no weights have.");
        return (name, new WeightTensor(name, shape, type, Bytes(name, shape, type, parts, integers)));
    }

    private static byte[] Bytes(string name, List<long> shape, WeightElementType type, List<ReadOnlyMemory<byte>> parts, List<long> integers)
    {
        Int128 count = 1;
        foreach (long side in shape)
        {
            count = side >= 0 && count <= Array.MaxLength ? count * side : throw new InvalidDataException($"'{name}' has the impossible shape [{string.Join(", ", shape)}].");
        }

        long present = parts.Sum(part => (long)part.Length) + ((long)integers.Count * type.Size());
        if (count * type.Size() != present)
        {
            throw new InvalidDataException($"'{name}' of shape [{string.Join(", ", shape)}] and type {type} takes {count * type.Size()} bytes, but {present} are there.");
        }

        byte[] bytes = new byte[present];
        int position = 0;
        foreach (ReadOnlyMemory<byte> part in parts)
        {
            part.CopyTo(bytes.AsMemory(position));
            position += part.Length;
        }

        // The low bytes of an integer are those of the narrower types too, as ONNX packs them.
        foreach (long integer in integers)
        {
            MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in integer))[..type.Size()].CopyTo(bytes.AsSpan(position));
            position += type.Size();
        }

        return bytes;
    }
}
