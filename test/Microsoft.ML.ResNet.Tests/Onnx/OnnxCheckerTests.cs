namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>The official checker of ONNX files, of Python's package onnx. Skipped where that is not installed.</summary>
[TestClass]
public sealed class OnnxCheckerTests
{
    // full_check infers all shapes as well; strict_mode makes a shape that can't be inferred an error.
    private const string Check =
        """
        import sys, onnx
        for path in sys.argv[1:]:
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
            shapes = {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in list(inferred.graph.value_info) + list(model.graph.output)}
            unknown = [node.output[0] for node in model.graph.node if node.output[0] not in shapes]
            assert not unknown, f'{path}: no shape for {unknown}'
            print(model.ir_version, model.opset_import[0].version, model.producer_name, model.producer_version, *(f'{o.name}{shapes[o.name]}' for o in model.graph.output))
        """;

    [TestMethod]
    public async Task Check_EveryKindOfFile_IsAccepted()
    {
        using var folder = new TemporaryFolder();
        List<string> paths = [];
        ResNetSpecification basic = new() { Depths = [1, 1], Widths = [4, 8], Stem = ResNetStem.Cifar };
        ResNetSpecification grouped = new() { Block = ResNetBlock.Bottleneck, Depths = [1, 1], Widths = [8, 16], Groups = 2, WidthPerGroup = 32, Stem = ResNetStem.ImageNet };
        foreach (ResNetSpecification specification in (ResNetSpecification[])[basic, basic with { Shortcut = ResNetShortcut.ZeroPad }, grouped, grouped with { Shortcut = ResNetShortcut.ZeroPad }])
        {
            using ResNetTransformer model = OnnxModels.Create(specification, 32);
            foreach (bool isPlain in (bool[])[true, false])
            {
                paths.Add(folder.File($"{paths.Count}.onnx"));
                model.ExportOnnx(paths[^1], new OnnxExportOptions
                {
                    FoldBatchNorm = isPlain,
                    Precision = isPlain ? OnnxPrecision.Float32 : OnnxPrecision.Float16,
                    InputType = isPlain ? OnnxInputType.Float32 : OnnxInputType.UInt8,
                    InputLayout = isPlain ? PixelLayout.Planar : PixelLayout.Interleaved,
                    LogitsName = isPlain ? null : "logits",
                    FeaturesName = isPlain ? null : "features",
                    PredictedLabelName = isPlain ? null : "predicted_label",
                });
            }
        }

        string[] lines = (await Python.RunAsync(Check, ["onnx"], [.. paths])).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.HasCount(8, lines);
        Assert.AreEqual("8 17 Microsoft.ML.ResNet 0.1.0 scores['N', 5]", lines[0]);
        Assert.AreEqual("8 17 Microsoft.ML.ResNet 0.1.0 scores['N', 5] logits['N', 5] features['N', 8] predicted_label['N']", lines[1]);
    }
}
