using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes a network as an ONNX file whose constants have names that say nothing, as exporters do.</summary>
internal sealed class OnnxFile
{
    private readonly ProtobufWriter _graph = new();
    private readonly Dictionary<string, Tensor> _state;
    private int _names;

    private OnnxFile(ResidualNetwork network) => _state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor);

    /// <summary>The stem's padding, to be got wrong.</summary>
    public int StemPadding { get; private init; }

    public static byte[] Write(ResidualNetwork network, int stemPadding = 3)
    {
        var file = new OnnxFile(network) { StemPadding = stemPadding };
        file._graph.Message(11, new ProtobufWriter().Text(1, "images"));
        file.Network(network.Specification);
        return new ProtobufWriter().Number(1, 8).Message(7, file._graph).ToArray();
    }

    private void Network(ResNetSpecification specification)
    {
        string value = Convolution("images", "conv1", "bn1", stride: 2, StemPadding);
        value = Node("MaxPool", [Node("Relu", [value])], ("kernel_shape", [3, 3]), ("strides", [2, 2]), ("pads", [1, 1, 1, 1]));
        int convolutions = specification.Block == ResNetBlock.Basic ? 2 : 3;
        for (int stage = 1; stage <= specification.Depths.Count; stage++)
        {
            for (int block = 0; block < specification.Depths[stage - 1]; block++)
            {
                string name = $"layer{stage}.{block}", branch = value;
                int stride = stage > 1 && block == 0 ? 2 : 1, strided = convolutions == 2 ? 1 : 2;
                for (int i = 1; i <= convolutions; i++)
                {
                    branch = Convolution(i == 1 ? branch : Node("Relu", [branch]), $"{name}.conv{i}", $"{name}.bn{i}", i == strided ? stride : 1);
                }

                string shortcut = _state.ContainsKey($"{name}.downsample.0.weight") ? Convolution(value, $"{name}.downsample.0", $"{name}.downsample.1", stride) : value;
                value = Node("Relu", [Node("Add", [branch, shortcut])]);
            }
        }

        value = Node("Flatten", [Node("GlobalAveragePool", [value])]);
        Node("Gemm", [value, Constant(_state["fc.weight"]), Constant(_state["fc.bias"])], ("transB", [1]));
    }

    private string Convolution(string input, string name, string norm, int stride, int? padding = null)
    {
        Tensor weight = _state[$"{name}.weight"];
        int side = padding ?? (int)weight.shape[2] / 2;
        string output = Node("Conv", [input, Constant(weight)], ("strides", [stride, stride]), ("pads", [side, side, side, side]));
        return Node("BatchNormalization", [output, .. new[] { "weight", "bias", "running_mean", "running_var" }.Select(part => Constant(_state[$"{norm}.{part}"]))]);
    }

    private string Constant(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        string name = $"p{_names++}";
        var message = new ProtobufWriter();
        foreach (long side in tensor.shape)
        {
            message.Number(1, side);
        }

        _graph.Message(5, message.Number(2, 1).Text(8, name).Bytes(9, tensor.detach().contiguous().bytes));
        return name;
    }

    private string Node(string operation, string[] inputs, params (string Name, long[] Values)[] attributes)
    {
        var message = new ProtobufWriter();
        foreach (string input in inputs)
        {
            message.Text(1, input);
        }

        string output = $"v{_names++}";
        message.Text(2, output).Text(4, operation);
        foreach (var (name, values) in attributes)
        {
            var attribute = new ProtobufWriter().Text(1, name);
            foreach (long value in values)
            {
                attribute.Number(values.Length == 1 ? 3 : 8, value);
            }

            message.Message(5, attribute);
        }

        _graph.Message(1, message);
        return output;
    }
}
