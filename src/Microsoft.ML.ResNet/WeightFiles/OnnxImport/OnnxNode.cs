namespace Microsoft.ML.ResNet.WeightFiles.OnnxImport;

/// <summary>One operation of an ONNX graph.</summary>
internal sealed class OnnxNode
{
    private static readonly Dictionary<string, List<long>> NoIntegers = [];
    private static readonly Dictionary<string, float> NoSingles = [];

    // A hostile file has empty operations of two bytes: they must cost little.
    private List<string>? _inputs;
    private List<string>? _outputs;
    private Dictionary<string, List<long>>? _integers;
    private Dictionary<string, float>? _singles;

    public string Operator { get; private set; } = "";

    public IReadOnlyList<string> Inputs => _inputs ?? (IReadOnlyList<string>)[];

    public IReadOnlyList<string> Outputs => _outputs ?? (IReadOnlyList<string>)[];

    public IReadOnlyDictionary<string, List<long>> Integers => _integers ?? NoIntegers;

    public IReadOnlyDictionary<string, float> Singles => _singles ?? NoSingles;

    /// <summary>The tensor of a Constant; null of texts.</summary>
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
                    (node._inputs ??= []).Add(reader.ReadText());
                    break;
                case 2:
                    (node._outputs ??= []).Add(reader.ReadText());
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
                    Value = OnnxTensor.Parse(reader.ReadBytes()).Values;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (integers.Count > 0)
        {
            (_integers ??= new(StringComparer.Ordinal))[name] = integers;
        }

        if (single is { } value)
        {
            (_singles ??= new(StringComparer.Ordinal))[name] = value;
        }
    }
}
