using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes the instructions of a pickle of protocol 2, as torch.save does.</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream _stream = new();

    public PickleWriter() => Raw(0x80, 2);

    public PickleWriter Raw(params byte[] bytes)
    {
        _stream.Write(bytes);
        return this;
    }

    public PickleWriter Op(char code) => Raw((byte)code);

    public PickleWriter Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return Op('X').Raw(length).Raw(bytes);
    }

    public PickleWriter Number(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return Op('J').Raw(bytes);
    }

    public PickleWriter Global(string module, string name) => Op('c').Raw(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

    public PickleWriter Tuple(params int[] values)
    {
        Op('(');
        foreach (int value in values)
        {
            Number(value);
        }

        return Op('t');
    }

    /// <summary>collections.OrderedDict()</summary>
    public PickleWriter OrderedDict() => Global("collections", "OrderedDict").Op(')').Op('R');

    /// <summary>torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())</summary>
    public PickleWriter Tensor(string storageType, string key, int count, int offset, int[] size, int[] stride)
        => Global("torch._utils", "_rebuild_tensor_v2")
            .Op('(')
            .Op('(').Text("storage").Global("torch", storageType).Text(key).Text("cpu").Number(count).Op('t').Op('Q')
            .Number(offset).Tuple(size).Tuple(stride).Raw(0x89).OrderedDict()
            .Op('t').Op('R');

    public byte[] ToArray() => [.. _stream.ToArray(), (byte)'.'];
}
