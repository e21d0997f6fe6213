using System.Globalization;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>Adds a network's weights to a graph. They are converted one by one while the file is written.</summary>
/// <param name="network">The network; it must live until the graph is written.</param>
/// <param name="type"><see cref="OnnxElementType.Float32"/> or <see cref="OnnxElementType.Float16"/>.</param>
internal sealed class OnnxWeights(ResidualNetwork network, OnnxElementType type)
{
    private readonly Dictionary<string, Tensor> _state = network.StateByName();

    /// <summary>Adds an entry of the network's state as it is.</summary>
    /// <returns>Its name.</returns>
    public string Add(OnnxGraph graph, string name) => Add(graph, name, _state[name].shape, () => _state[name].alias());

    /// <summary>Adds a convolution's weight and bias into which the batch normalisation after it is multiplied, in double precision.</summary>
    public (string Weight, string Bias) AddFolded(OnnxGraph graph, ConvolutionPlan plan)
    {
        string weight = $"{plan.Name}.weight";
        return (
            Add(graph, weight, plan.WeightShape, () => _state[weight].cpu().to(ScalarType.Float64) * tensor(Factors(plan)).view(-1, 1, 1, 1)),
            Add(graph, $"{plan.Name}.bias", [plan.OutputChannels], () => tensor(Biases(plan))));
    }

    private double[] Factors(ConvolutionPlan plan)
        => [.. Values($"{plan.NormName}.weight").Zip(Values($"{plan.NormName}.running_var"), (scale, variance) => scale / Math.Sqrt(variance + ConvolutionNorm.Epsilon))];

    private double[] Biases(ConvolutionPlan plan)
    {
        double[] factors = Factors(plan), means = Values($"{plan.NormName}.running_mean");
        return [.. Values($"{plan.NormName}.bias").Select((shift, channel) => shift - (means[channel] * factors[channel]))];
    }

    private double[] Values(string name) => [.. _state[name].cpu().to(ScalarType.Float64).data<double>()];

    private string Add(OnnxGraph graph, string name, long[] shape, Func<Tensor> values)
    {
        long elementSize = type == OnnxElementType.Float16 ? 2 : 4;
        long byteCount = shape.Aggregate(elementSize, (product, side) => checked(product * side));
        return graph.Constant(name, type, shape, byteCount, () => Bytes(name, values));
    }

    private byte[] Bytes(string name, Func<Tensor> values)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        Tensor exact = values().cpu();
        Tensor converted = exact.to(type == OnnxElementType.Float16 ? ScalarType.Float16 : ScalarType.Float32).contiguous();
        if (type == OnnxElementType.Float16 && converted.isinf().any().item<bool>())
        {
            double largest = exact.abs().max().to(ScalarType.Float64).item<double>();
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"The tensor '{name}' has values up to {largest:G3}, which float16 can't hold (its largest is 65504). Export with Precision Float32."));
        }

        return converted.bytes.ToArray();
    }
}
