using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Onnx;

/// <summary>A whole model as ONNX's <c>ModelProto</c>: preprocessing, network, outputs, metadata.</summary>
internal static class OnnxModel
{
    private const string Producer = "Microsoft.ML.ResNet";

    /// <summary>Describes the file. Weights are read from the network when it is written.</summary>
    /// <exception cref="ArgumentException">The options don't fit the model.</exception>
    /// <exception cref="InvalidOperationException">The file would be larger than protobuf allows.</exception>
    public static ProtobufMessage Create(ModelDescription description, ResidualNetwork network, OnnxExportOptions options)
    {
        if (ImageViews.Of(description.TestTimeAugmentation).Crops.Count > 1)
        {
            throw new InvalidOperationException(
                $"The model scores {description.TestTimeAugmentation}, crops of an image that is larger than the network's input, and an ONNX file takes images of the network's size. Export the result of WithTestTimeAugmentation with {nameof(TestTimeAugmentation.HorizontalFlip)} or {nameof(TestTimeAugmentation.None)}.");
        }

        OnnxInput input = OnnxInput.Of(description.Image, options);
        ProtobufMessage model = new ProtobufMessage()
            .Add(1, FormatVersion(options.OpsetVersion))
            .Add(2, Producer)
            .Add(3, typeof(OnnxModel).Assembly.GetName().Version!.ToString(3))
            .Add(7, Graph(description, network, input, options).ToMessage())
            .Add(8, new ProtobufMessage().Add(1, "").Add(2, options.OpsetVersion));
        foreach (var (key, value) in OnnxMetadata.Of(description, input, options).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            model.Add(14, new ProtobufMessage().Add(1, key).Add(2, value));
        }

        return model.Size <= int.MaxValue
            ? model
            : throw new InvalidOperationException(
                $"The ONNX file would have {model.Size} bytes, and the format ends at {int.MaxValue}. Export with Precision Float16, or a smaller network.");
    }

    private static OnnxGraph Graph(ModelDescription description, ResidualNetwork network, OnnxInput input, OnnxExportOptions options)
    {
        NetworkPlan plan = NetworkPlan.Of(network.Specification, network.InputChannels, network.ClassCount);
        bool isHalf = options.Precision == OnnxPrecision.Float16;
        var graph = new OnnxGraph(description.Network.Architecture ?? nameof(ResidualNetwork));
        var layers = new OnnxNetwork(graph, new OnnxWeights(network, isHalf ? OnnxElementType.Float16 : OnnxElementType.Float32), options.FoldBatchNorm);

        string images = input.AddTo(graph, options.InputName);
        images = isHalf ? Cast(images, OnnxElementType.Float16, "input.half") : images;
        bool isFlipped = description.TestTimeAugmentation == TestTimeAugmentation.HorizontalFlip;
        string featuresOut = isHalf ? "flatten.half" : options.FeaturesName ?? "flatten";
        string features = isFlipped ? OnnxFlip.Average(graph, layers.Features(plan, OnnxFlip.Append(graph, images), "flatten.views"), plan.FeatureCount, featuresOut) : layers.Features(plan, images, featuresOut);
        string logits = layers.Logits(features, isHalf ? "fc.half" : options.LogitsName ?? "fc");
        logits = isHalf ? Cast(logits, OnnxElementType.Float32, options.LogitsName ?? "fc") : logits;
        string scores = graph.Node("Softmax", options.ScoresName, [logits], OnnxAttribute.Integer("axis", 1));
        graph.Output(scores, OnnxElementType.Float32, plan.ClassCount);
        if (options.LogitsName is not null)
        {
            graph.Output(logits, OnnxElementType.Float32, plan.ClassCount);
        }

        if (options.FeaturesName is { } featuresName)
        {
            graph.Output(isHalf ? Cast(features, OnnxElementType.Float32, featuresName) : features, OnnxElementType.Float32, plan.FeatureCount);
        }

        if (options.PredictedLabelName is { } predictedLabelName)
        {
            // The first of equal scores, as in the transformer.
            string candidates = scores;
            if (description.MinimumScore > 0)
            {
                // Behind the classes one without a name, which has the minimum score.
                string minimum = graph.Constant("class.minimum", [description.MinimumScore]);
                candidates = graph.Node("Pad", "class.candidates", [scores, graph.Constant("class.pads", 0, 0, 0, 1), minimum]);
            }

            string index = graph.Node("ArgMax", "class.index", [candidates], OnnxAttribute.Integer("axis", 1), OnnxAttribute.Integer("keepdims", 0));
            string names = graph.Constant("class.names", [.. description.Classes.Names, .. description.MinimumScore > 0 ? [""] : Array.Empty<string>()]);
            graph.Output(graph.Node("Gather", predictedLabelName, [names, index]), OnnxElementType.Text);
        }

        return graph;

        string Cast(string tensor, OnnxElementType type, string name) => graph.Node("Cast", name, [tensor], OnnxAttribute.Integer("to", (long)type));
    }

    /// <summary>The version of the format that came with a version of the operators (https://github.com/onnx/onnx/blob/main/docs/Versioning.md).</summary>
    private static int FormatVersion(int opsetVersion) => opsetVersion switch
    {
        <= 18 => 8,
        <= 20 => 9,
        _ => 10,
    };
}
