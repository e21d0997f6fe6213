using System.Buffers.Binary;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>
/// An ONNX graph that is built node by node, in the order in which it is computed. A node has one output, which bears the node's name.
/// Field numbers are those of ONNX's published format (https://github.com/onnx/onnx/blob/main/docs/IR.md).
/// </summary>
internal sealed class OnnxGraph(string name)
{
    /// <summary>The free dimension: the number of images.</summary>
    public const string Batch = "N";

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<ProtobufMessage> _nodes = [];
    private readonly List<ProtobufMessage> _constants = [];
    private readonly List<ProtobufMessage> _inputs = [];
    private readonly List<ProtobufMessage> _outputs = [];

    /// <summary>Adds an input <c>[N, shape...]</c>.</summary>
    /// <returns>Its name.</returns>
    public string Input(string inputName, OnnxElementType type, params ReadOnlySpan<long> shape)
    {
        _inputs.Add(Value(Claim(inputName), type, shape));
        return inputName;
    }

    /// <summary>Makes the result of a node an output <c>[N, shape...]</c>.</summary>
    public void Output(string nodeName, OnnxElementType type, params ReadOnlySpan<long> shape) => _outputs.Add(Value(nodeName, type, shape));

    /// <summary>Adds a node.</summary>
    /// <param name="operation">The operator.</param>
    /// <param name="nodeName">The node's name and that of its output.</param>
    /// <param name="inputs">The tensors that it reads.</param>
    /// <param name="attributes">Its attributes (<see cref="OnnxAttribute"/>).</param>
    /// <returns>The node's name.</returns>
    /// <exception cref="ArgumentException">A tensor of that name exists.</exception>
    public string Node(string operation, string nodeName, string[] inputs, params ReadOnlySpan<ProtobufMessage> attributes)
    {
        var node = new ProtobufMessage();
        foreach (string input in inputs)
        {
            node.Add(1, input);
        }

        node.Add(2, Claim(nodeName)).Add(3, nodeName).Add(4, operation);
        foreach (ProtobufMessage attribute in attributes)
        {
            node.Add(5, attribute);
        }

        _nodes.Add(node);
        return nodeName;
    }

    /// <summary>Adds a tensor whose bytes (little-endian) are made when the file is written.</summary>
    /// <returns>Its name.</returns>
    public string Constant(string constantName, OnnxElementType type, IReadOnlyList<long> shape, long byteCount, Func<byte[]> create)
    {
        _constants.Add(Tensor(constantName, type, shape).Add(9, byteCount, create));
        return constantName;
    }

    /// <summary>Adds a vector of integers.</summary>
    public string Constant(string constantName, params ReadOnlySpan<long> values) => Integers(constantName, [values.Length], values);

    /// <summary>Adds an integer without dimensions.</summary>
    public string Scalar(string constantName, long value) => Integers(constantName, [], [value]);

    private string Integers(string constantName, long[] shape, ReadOnlySpan<long> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), values[i]);
        }

        return Constant(constantName, OnnxElementType.Int64, shape, bytes.Length, () => bytes);
    }

    /// <summary>Adds single-precision numbers.</summary>
    public string Constant(string constantName, float[] values, params long[] shape)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }

        return Constant(constantName, OnnxElementType.Float32, shape, bytes.Length, () => bytes);
    }

    /// <summary>Adds a vector of texts.</summary>
    public string Constant(string constantName, IReadOnlyList<string> texts)
    {
        ProtobufMessage tensor = Tensor(constantName, OnnxElementType.Text, [texts.Count]);
        foreach (string text in texts)
        {
            tensor.Add(6, text);
        }

        _constants.Add(tensor);
        return constantName;
    }

    /// <summary>The graph as ONNX's <c>GraphProto</c>.</summary>
    public ProtobufMessage ToMessage()
    {
        var graph = new ProtobufMessage();
        AddAll(1, _nodes);
        graph.Add(2, name);
        AddAll(5, _constants);
        AddAll(11, _inputs);
        AddAll(12, _outputs);
        return graph;

        void AddAll(int field, List<ProtobufMessage> messages)
        {
            foreach (ProtobufMessage message in messages)
            {
                graph.Add(field, message);
            }
        }
    }

    private ProtobufMessage Tensor(string tensorName, OnnxElementType type, IReadOnlyList<long> shape)
    {
        var tensor = new ProtobufMessage();
        foreach (long size in shape)
        {
            tensor.Add(1, size);
        }

        return tensor.Add(2, (long)type).Add(8, Claim(tensorName));
    }

    /// <summary>A <c>ValueInfoProto</c>: name, element type and shape.</summary>
    private static ProtobufMessage Value(string valueName, OnnxElementType type, ReadOnlySpan<long> shape)
    {
        ProtobufMessage dimensions = new ProtobufMessage().Add(1, new ProtobufMessage().Add(2, Batch));
        foreach (long size in shape)
        {
            dimensions.Add(1, new ProtobufMessage().Add(1, size));
        }

        ProtobufMessage tensorType = new ProtobufMessage().Add(1, (long)type).Add(2, dimensions);
        return new ProtobufMessage().Add(1, valueName).Add(2, new ProtobufMessage().Add(1, tensorType));
    }

    private string Claim(string tensorName)
        => _names.Add(tensorName)
            ? tensorName
            : throw new ArgumentException($"Two tensors of the ONNX graph would be named '{tensorName}'. Choose another name for the input or output in OnnxExportOptions.");
}
