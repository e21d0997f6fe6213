namespace Microsoft.ML.ResNet.WeightFiles.OnnxImport;

/// <summary>The graph of an ONNX file as far as weights need it (field numbers of onnx.proto).</summary>
internal sealed class OnnxGraph
{
    /// <summary>The most operations that are read, constants among them; ResNet152 has some 1,500.</summary>
    public const int MaximumNodes = 100_000;

    /// <summary>The most entries of metadata that are read; <c>ExportOnnx</c> writes six at most.</summary>
    private const int MaximumMetadata = 1000;

    private readonly Dictionary<string, WeightTensor> _initializers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<OnnxNode>> _consumers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
    private readonly List<string> _inputs = [];

    private OnnxGraph()
    {
    }

    /// <summary>The program that wrote the file.</summary>
    public string Producer { get; private set; } = "";

    /// <summary>What the file says about itself.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <summary>The number of operations.</summary>
    public int NodeCount { get; private set; }

    /// <summary>The one input that is no initialiser.</summary>
    public string Input => _inputs.Where(name => !_initializers.ContainsKey(name) && !_texts.Contains(name)).ToArray() is [var only]
        ? only
        : throw new InvalidDataException($"the graph has the inputs {string.Join(", ", _inputs.Take(10))}, expected one: the images.");

    public IReadOnlyCollection<WeightTensor> Constants => _initializers.Values;

    /// <summary>The constant of this name, or null.</summary>
    public WeightTensor? Find(string name) => _initializers.GetValueOrDefault(name);

    /// <summary>The operations that read a value.</summary>
    public IReadOnlyList<OnnxNode> Consumers(string value) => _consumers.TryGetValue(value, out List<OnnxNode>? nodes) ? nodes : [];

    /// <summary>ModelProto: producer_name 2, graph 7, metadata_props 14.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or no ONNX file.</exception>
    public static OnnxGraph Parse(ReadOnlyMemory<byte> model)
    {
        OnnxGraph? graph = null;
        string producer = "";
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var reader = new ProtobufReader(model);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    producer = reader.ReadText();
                    break;
                case 7:
                    graph = graph is null ? ParseGraph(reader.ReadBytes()) : throw new InvalidDataException("it has two graphs.");
                    break;
                case 14:
                    var (key, value) = ParseEntry(reader.ReadBytes());
                    metadata[key] = metadata.Count < MaximumMetadata ? value : throw new InvalidDataException($"it has more than {MaximumMetadata} entries of metadata.");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (graph is null)
        {
            throw new InvalidDataException("it has no graph.");
        }

        (graph.Producer, graph.Metadata) = (producer, metadata);
        return graph;
    }

    /// <summary>GraphProto: node 1, initializer 5, input 11. ValueInfoProto: name 1.</summary>
    private static OnnxGraph ParseGraph(ReadOnlyMemory<byte> message)
    {
        var graph = new OnnxGraph();
        List<OnnxNode> nodes = [];
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    nodes.Add(nodes.Count < MaximumNodes ? OnnxNode.Parse(reader.ReadBytes()) : throw new InvalidDataException($"the graph has more than {MaximumNodes} operations."));
                    break;
                case 5:
                    graph.Add(OnnxTensor.Parse(reader.ReadBytes()));
                    break;
                case 11:
                    graph._inputs.Add(NameOf(reader.ReadBytes()));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        foreach (OnnxNode node in nodes)
        {
            graph.Add(node);
        }

        graph.NodeCount = nodes.Count;
        return graph;
    }

    private void Add((string Name, WeightTensor? Values) initializer)
    {
        if (initializer.Values is { } tensor)
        {
            Add(tensor);
        }
        else
        {
            _texts.Add(initializer.Name);
        }
    }

    private void Add(WeightTensor tensor)
    {
        if (!_initializers.TryAdd(tensor.Name, tensor))
        {
            throw new InvalidDataException($"two constants of the graph are named '{tensor.Name}'.");
        }
    }

    private void Add(OnnxNode node)
    {
        if (node is { Operator: "Constant", Value: { } value })
        {
            Add(value with { Name = node.Output });
            return;
        }

        // Exporters name a constant that two operations share a second time.
        if (node is { Operator: "Identity", Inputs: [var source] } && Find(source) is { } constant)
        {
            Add(constant with { Name = node.Output });
            return;
        }

        foreach (string input in node.Inputs.Distinct(StringComparer.Ordinal))
        {
            if (!_consumers.TryGetValue(input, out List<OnnxNode>? nodes))
            {
                _consumers.Add(input, nodes = []);
            }

            nodes.Add(node);
        }
    }

    /// <summary>StringStringEntryProto: key 1, value 2.</summary>
    private static (string Key, string Value) ParseEntry(ReadOnlyMemory<byte> message)
    {
        string key = "", value = "";
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.ReadText();
                    break;
                case 2:
                    value = reader.ReadText();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (key, value);
    }

    private static string NameOf(ReadOnlyMemory<byte> valueInfo)
    {
        var reader = new ProtobufReader(valueInfo);
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                return reader.ReadText();
            }

            reader.Skip();
        }

        return "";
    }
}
