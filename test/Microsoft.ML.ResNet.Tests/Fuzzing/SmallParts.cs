using System.Text;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Files of a third of a megabyte or more whose parts are as small as the format allows, so that each byte costs the reader most.</summary>
internal static class SmallParts
{
    private const int Count = 300_000;

    public static IEnumerable<byte[]> Of(string format) => format switch
    {
        "safetensors" => [Safetensors()],
        "PyTorch zip" => Pickles().Select(pickle => PyTorchFile.Zip(pickle)),
        "PyTorch legacy" => Pickles().Select(pickle => PyTorchFile.Legacy(pickle)),
        _ => [Onnx(field: 1, [], 99_000), Onnx(field: 5, [0x10, 1, 0x4a, 4, 0, 0, 0, 0], 1), Onnx(field: 11, [], Count), Onnx(field: 1, [0x0a, 0, 0x0a, 0, 0x12, 0, 0x2a, 0, 0x2a, 2, 0x18, 1], 99_000)],
    };

    private static byte[] Safetensors()
    {
        const int entries = 20_000;
        var json = new StringBuilder("{");
        for (int i = 0; i < entries; i++)
        {
            json.Append(System.Globalization.CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ",")}\"{i}\":{{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[{i},{i + 1}]}}");
        }

        byte[] header = Encoding.UTF8.GetBytes(json.Append('}').ToString());
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[entries]];
    }

    /// <summary>300,000 each of an empty list, dictionary, tuple of one, number, empty text, empty bytes, mark, kept value, and the call of a class.</summary>
    private static IEnumerable<byte[]> Pickles()
    {
        byte[][] parts =
        [
            [(byte)']'], [(byte)'}'], [0x85], [(byte)'K', 1], [0x8c, 0], [(byte)'C', 0], [(byte)'('], [0x94], [(byte)'h', 0, (byte)')', (byte)'R'], [(byte)'(', (byte)'l'], [0x8a, 1, 1],
        ];
        return parts.Select(part => new PickleWriter().Global("collections", "OrderedDict").Raw((byte)'q', 0).Raw([.. Enumerable.Repeat(part, Count).SelectMany(bytes => bytes)]).ToArray());
    }

    private static byte[] Onnx(int field, byte[] message, int count)
    {
        var graph = new ProtobufWriter();
        for (int i = 0; i < count; i++)
        {
            graph.Bytes(field, message);
        }

        return new ProtobufWriter().Number(1, 8).Message(7, graph).ToArray();
    }
}
