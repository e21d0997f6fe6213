using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>Adds a residual network to a graph, from normalised images to features and logits. Tensors bear torchvision's names.</summary>
/// <param name="graph">The graph.</param>
/// <param name="weights">Adds the weights.</param>
/// <param name="foldBatchNorm">Whether batch normalisation is part of the convolutions.</param>
internal sealed class OnnxNetwork(OnnxGraph graph, OnnxWeights weights, bool foldBatchNorm)
{
    // The inputs of ONNX's BatchNormalization after the image, in its order.
    private static readonly string[] NormEntries = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>Adds everything up to the pooled features.</summary>
    /// <param name="plan">The network.</param>
    /// <param name="images"><c>[N,C,H,W]</c>, normalised, of the weights' element type.</param>
    /// <param name="name">The name that the features get.</param>
    /// <returns>The features' name; they are <c>[N,F]</c>.</returns>
    public string Features(NetworkPlan plan, string images, string name)
    {
        string activations = Relu(Convolution(plan.Stem, images));
        if (plan.HasMaxPool)
        {
            activations = graph.Node(
                "MaxPool",
                "maxpool",
                [activations],
                OnnxAttribute.Integers("kernel_shape", 3, 3),
                OnnxAttribute.Integers("pads", 1, 1, 1, 1),
                OnnxAttribute.Integers("strides", 2, 2));
        }

        foreach (BlockPlan block in plan.Blocks)
        {
            activations = Block(block, activations);
        }

        string pooled = graph.Node("GlobalAveragePool", "avgpool", [activations]);
        return graph.Node("Flatten", name, [pooled], OnnxAttribute.Integer("axis", 1));
    }

    /// <summary>Adds the linear layer.</summary>
    /// <returns>The logits' name; they are <c>[N,K]</c>.</returns>
    public string Logits(string features, string name)
        => graph.Node("Gemm", name, [features, weights.Add(graph, Head.WeightName), weights.Add(graph, Head.BiasName)], OnnxAttribute.Integer("transB", 1));

    private string Block(BlockPlan plan, string input)
    {
        string output = Convolution(plan.Branch[0], input);
        foreach (ConvolutionPlan convolution in plan.Branch.Skip(1))
        {
            output = Convolution(convolution, Relu(output));
        }

        string around = plan switch
        {
            { Projection: { } projection } => Convolution(projection, input),
            { KeepsShape: false } => ZeroPad(plan, input),
            _ => input,
        };
        return Relu(graph.Node("Add", $"{plan.Branch[^1].Name}.add", [output, around]));
    }

    private string Convolution(ConvolutionPlan plan, string input)
    {
        int padding = plan.Kernel / 2;
        ProtobufMessage[] attributes =
        [
            OnnxAttribute.Integer("group", plan.Groups),
            OnnxAttribute.Integers("kernel_shape", plan.Kernel, plan.Kernel),
            OnnxAttribute.Integers("pads", padding, padding, padding, padding),
            OnnxAttribute.Integers("strides", plan.Stride, plan.Stride),
        ];
        if (foldBatchNorm)
        {
            (string weight, string bias) = weights.AddFolded(graph, plan);
            return graph.Node("Conv", plan.Name, [input, weight, bias], attributes);
        }

        string convolved = graph.Node("Conv", plan.Name, [input, weights.Add(graph, $"{plan.Name}.weight")], attributes);
        string[] normalization = [.. NormEntries.Select(entry => weights.Add(graph, $"{plan.NormName}.{entry}"))];
        return graph.Node("BatchNormalization", plan.NormName, [convolved, .. normalization], OnnxAttribute.Float("epsilon", (float)ConvolutionNorm.Epsilon));
    }

    /// <summary>Every stride-th pixel, with channels of zeros before and after.</summary>
    private string ZeroPad(BlockPlan plan, string input)
    {
        string name = $"{plan.Branch[0].Name}.shortcut";
        string pixels = input;
        if (plan.Stride > 1)
        {
            pixels = graph.Node("Slice", $"{name}.slice",
            [
                input,
                graph.Constant($"{name}.starts", 0, 0),
                graph.Constant($"{name}.ends", long.MaxValue, long.MaxValue),
                graph.Constant($"{name}.axes", 2, 3),
                graph.Constant($"{name}.steps", plan.Stride, plan.Stride),
            ]);
        }

        (int before, int after) = ZeroPadShortcut.MissingChannels(plan);
        return graph.Node("Pad", $"{name}.pad", [pixels, graph.Constant($"{name}.pads", 0, before, 0, 0, 0, after, 0, 0)]);
    }

    private string Relu(string input) => graph.Node("Relu", $"{input}.relu", [input]);
}
