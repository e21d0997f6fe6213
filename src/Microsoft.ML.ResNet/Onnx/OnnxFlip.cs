namespace Microsoft.ML.ResNet.Onnx;

/// <summary>
/// Test-time augmentation by mirror images in a graph: they are scored behind the images of the batch, and the features of each pair are averaged. The head is linear, so that this averages the
/// logits, as the transformer does.
/// </summary>
internal static class OnnxFlip
{
    /// <summary>Appends the mirror images to a batch.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="images"><c>[N,C,H,W]</c>.</param>
    /// <returns>The name of <c>[2N,C,H,W]</c>.</returns>
    public static string Append(OnnxGraph graph, string images)
    {
        string flipped = graph.Node("Slice", "input.flipped",
        [
            images,
            graph.Constant("input.flipped.starts", -1),
            graph.Constant("input.flipped.ends", long.MinValue),
            graph.Constant("input.flipped.axes", 3),
            graph.Constant("input.flipped.steps", -1),
        ]);
        return graph.Node("Concat", "input.views", [images, flipped], OnnxAttribute.Integer("axis", 0));
    }

    /// <summary>Averages the features of images and of their mirror images.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="features"><c>[2N,F]</c>.</param>
    /// <param name="featureCount">F.</param>
    /// <param name="name">The name that the result gets.</param>
    /// <returns>The name of <c>[N,F]</c>.</returns>
    public static string Average(OnnxGraph graph, string features, int featureCount, string name)
    {
        string views = graph.Node("Reshape", "views", [features, graph.Constant("views.shape", 2, -1, featureCount)]);
        string[] pair = [.. Enumerable.Range(0, 2).Select(i => graph.Node("Gather", $"views.{i}", [views, graph.Scalar($"views.{i}.index", i)], OnnxAttribute.Integer("axis", 0)))];
        return graph.Node("Mean", name, pair);
    }
}
