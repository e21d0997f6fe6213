namespace Microsoft.ML.ResNet.Serialization.OnnxImport;

/// <summary>One operation of an ONNX graph.</summary>
internal sealed class OnnxNode
{
    public string Operator { get; private set; } = "";

    public List<string> Inputs { get; } = [];

    public List<string> Outputs { get; } = [];

    public Dictionary<string, List<long>> Integers { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, float> Singles { get; } = new(StringComparer.Ordinal);

    /// <summary>The tensor of a Constant.</summary>
    public WeightTensor? Value { get; private set; }

    public string Output => Outputs.Count > 0 ? Outputs[0] : throw new InvalidDataException($"an operation {Operator} of the graph has no output.");

    public long Integer(string name, long otherwise) => Integers.TryGetValue(name, out List<long>? values) && values.Count == 1 ? values[0] : otherwise;

    /// <summary>Whether an attribute has the same number at every place, or is left out where that is the default.</summary>
    public bool IsAll(string name, long value, long byDefault) => Integers.TryGetValue(name, out List<long>? values) && values.Count > 0 ? values.All(other => other == value) : value == byDefault;

    /// <summary>NodeProto: input 1, output 2, op_type 4, attribute 5.</summary>
    public static OnnxNode Parse(ReadOnlyMemory<byte> message)
    {
        var node = new OnnxNode();
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    node.Inputs.Add(reader.ReadText());
                    break;
                case 2:
                    node.Outputs.Add(reader.ReadText());
                    break;
                case 4:
                    node.Operator = reader.ReadText();
                    break;
                case 5:
                    node.ParseAttribute(reader.ReadBytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return node;
    }

    /// <summary>AttributeProto: name 1, f 2, i 3, t 5, ints 8.</summary>
    private void ParseAttribute(ReadOnlyMemory<byte> message)
    {
        string name = "";
        List<long> integers = [];
        float? single = null;
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.ReadText();
                    break;
                case 2:
                    single = reader.ReadSingle();
                    break;
                case 3 or 8:
                    reader.ReadInt64s(integers);
                    break;
                case 5:
                    Value = OnnxTensor.Parse(reader.ReadBytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (integers.Count > 0)
        {
            Integers[name] = integers;
        }

        if (single is { } value)
        {
            Singles[name] = value;
        }
    }
}
