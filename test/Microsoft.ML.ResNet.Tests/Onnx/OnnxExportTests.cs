using System.Text.Json;
using Microsoft.ML.ResNet.Images;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.OnnxModels;

namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>Exported files in ONNX Runtime, beside the transformer that they were exported from.</summary>
[TestClass]
public sealed class OnnxExportTests
{
    // Float32 differs by the order of additions alone; half precision has three digits, which a hundred layers wear down.
    private const float Single = 1e-4f;
    private const float Half = 2e-2f;

    private const int Size = 24;

    private static readonly ResNetSpecification Small = new() { Depths = [1, 2, 1], Widths = [8, 12, 17], Stem = ResNetStem.Cifar };

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet20)]
    [DataRow(ResNetArchitecture.ResNet56)]
    public void Export_EveryArchitecture_ScoresTheSame(ResNetArchitecture architecture)
        => AssertSame(architecture, new OnnxExportOptions(), Single);

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow(ResNetArchitecture.ResNet34)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    [DataRow(ResNetArchitecture.ResNet32)]
    [DataRow(ResNetArchitecture.ResNet44)]
    [DataRow(ResNetArchitecture.ResNet110)]
    [DataRow(ResNetArchitecture.ResNet101)]
    [DataRow(ResNetArchitecture.ResNet152)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d)]
    [DataRow(ResNetArchitecture.WideResNet50_2)]
    [DataRow(ResNetArchitecture.WideResNet101_2)]
    public void Export_EveryOtherArchitecture_ScoresTheSame(ResNetArchitecture architecture)
        => Export_EveryArchitecture_ScoresTheSame(architecture);

    [TestMethod]
    [DataRow(ResNetArchitecture.ResNet18)]
    [DataRow(ResNetArchitecture.ResNet20)]
    [DataRow(ResNetArchitecture.ResNet56)]
    public void Export_HalfPrecision_ScoresAlmostTheSame(ResNetArchitecture architecture)
        => AssertSame(architecture, new OnnxExportOptions { Precision = OnnxPrecision.Float16 }, Half);

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow(ResNetArchitecture.ResNet34)]
    [DataRow(ResNetArchitecture.ResNet50)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d)]
    [DataRow(ResNetArchitecture.ResNet32)]
    [DataRow(ResNetArchitecture.ResNet44)]
    [DataRow(ResNetArchitecture.ResNet110)]
    [DataRow(ResNetArchitecture.ResNet101)]
    [DataRow(ResNetArchitecture.ResNet152)]
    [DataRow(ResNetArchitecture.ResNeXt101_32x8d)]
    [DataRow(ResNetArchitecture.WideResNet50_2)]
    [DataRow(ResNetArchitecture.WideResNet101_2)]
    public void Export_HalfPrecisionOfEveryOtherArchitecture_ScoresAlmostTheSame(ResNetArchitecture architecture)
        => Export_HalfPrecision_ScoresAlmostTheSame(architecture);

    [TestMethod]
    [DataRow(true, OnnxPrecision.Float32, OnnxInputType.UInt8, PixelLayout.Planar, 17)]
    [DataRow(true, OnnxPrecision.Float32, OnnxInputType.UInt8, PixelLayout.Interleaved, 18)]
    [DataRow(true, OnnxPrecision.Float32, OnnxInputType.Float32, PixelLayout.Interleaved, 19)]
    [DataRow(false, OnnxPrecision.Float32, OnnxInputType.Float32, PixelLayout.Planar, 17)]
    [DataRow(false, OnnxPrecision.Float32, OnnxInputType.UInt8, PixelLayout.Auto, 20)]
    [DataRow(false, OnnxPrecision.Float16, OnnxInputType.UInt8, PixelLayout.Interleaved, 17)]
    [DataRow(true, OnnxPrecision.Float16, OnnxInputType.Float32, PixelLayout.Auto, 21)]
    public void Export_EveryOption_ScoresTheSame(bool fold, OnnxPrecision precision, OnnxInputType type, PixelLayout layout, int opset)
    {
        var options = new OnnxExportOptions { FoldBatchNorm = fold, Precision = precision, InputType = type, InputLayout = layout, OpsetVersion = opset };
        float tolerance = precision == OnnxPrecision.Float32 ? Single : Half;
        ResNetSpecification bottlenecks = new() { Block = ResNetBlock.Bottleneck, Depths = [1, 1], Widths = [8, 12], Groups = 2, WidthPerGroup = 32, Stem = ResNetStem.ImageNet };
        foreach (ResNetSpecification specification in (ResNetSpecification[])[Small, Small with { Shortcut = ResNetShortcut.ZeroPad }, bottlenecks, bottlenecks with { Shortcut = ResNetShortcut.ZeroPad }])
        {
            using ResNetTransformer model = Create(specification, Size);

            AssertSame(model, Size, options, tolerance);
        }
    }

    [TestMethod]
    [DataRow(PixelRange.ZeroTo255, true, 3)]
    [DataRow(PixelRange.ZeroToOne, true, 3)]
    [DataRow(PixelRange.ZeroToOne, false, 1)]
    [DataRow(PixelRange.Normalized, false, 3)]
    [DataRow(PixelRange.Normalized, true, 1)]
    public void Export_ModelOfPixelVectors_TakesTheSameVectors(PixelRange range, bool isPlanar, int channels)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size, range, isPlanar, channels);
        float[][] pixels = [.. Pixels(3, Size, channels).Select(image => image.Select(value => range switch
        {
            PixelRange.ZeroTo255 => value,
            PixelRange.ZeroToOne => value / 255,
            _ => (value - 120) / 60,
        }).ToArray())];

        model.ExportOnnx(folder.File("model.onnx"));

        int[] dimensions = isPlanar ? [channels, Size, Size] : [Size, Size, channels];
        using var session = new OnnxSession(folder.File("model.onnx"));
        CollectionAssert.AreEqual((int[])[-1, .. dimensions], session.Inputs["pixels"].Dimensions);
        AssertNear(Score(model, pixels, dimensions).Scores, session.Run<float>(pixels, "scores"), Single);
    }

    [TestMethod]
    public void Export_BytesToAModelOfZeroToOne_AreDividedBy255()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size, PixelRange.ZeroToOne);
        float[][] bytes = Pixels(3, Size);

        model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions { InputType = OnnxInputType.UInt8 });

        using var session = new OnnxSession(folder.File("model.onnx"));
        float[][] units = [.. bytes.Select(image => image.Select(value => value / 255).ToArray())];
        AssertNear(Score(model, units, [3, Size, Size]).Scores, session.Run<float>(bytes, "scores"), Single);
    }

    [TestMethod]
    [DataRow(OnnxInputType.Float32)]
    [DataRow(OnnxInputType.UInt8)]
    public void Export_WithPixelNormalization_TakesWhatNormalizePixelsReads(OnnxInputType type)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size, PixelRange.Normalized);
        float[] mean = [0.4f, 0.5f, 0.6f], deviation = [0.2f, 0.3f, 0.25f];
        var normalization = new PixelNormalizingTransformer("Features", "Pixels", new PixelNormalization(1 / 255f, mean, deviation));
        float[][] pixels = Pixels(3, Size);

        model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions { PixelNormalization = normalization, InputType = type });

        using var session = new OnnxSession(folder.File("model.onnx"));
        float[][] normalized = [.. pixels.Select(image => image.Select((value, i) => ((value / 255) - mean[i / (Size * Size)]) / deviation[i / (Size * Size)]).ToArray())];
        AssertNear(Score(model, normalized, [3, Size, Size]).Scores, session.Run<float>(pixels, "scores"), Single);
    }

    [TestMethod]
    [DataRow(OnnxPrecision.Float32)]
    [DataRow(OnnxPrecision.Float16)]
    public void Export_AllOutputs_HaveTheirNamesShapesAndValues(OnnxPrecision precision)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size);
        model.ExportOnnx(folder.File("model.onnx"), new OnnxExportOptions
        {
            Precision = precision,
            InputName = "image",
            ScoresName = "Score",
            LogitsName = "logits",
            FeaturesName = "features",
            PredictedLabelName = "PredictedLabel",
        });
        float[][] pixels = Pixels(40, Size);
        using var session = new OnnxSession(folder.File("model.onnx"));

        CollectionAssert.AreEquivalent(new[] { "image" }, session.Inputs.Keys.ToArray());
        CollectionAssert.AreEquivalent(new[] { "Score", "logits", "features", "PredictedLabel" }, session.Outputs.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { -1, 5 }, session.Outputs["logits"].Dimensions);
        CollectionAssert.AreEqual(new[] { -1, 17 }, session.Outputs["features"].Dimensions);
        CollectionAssert.AreEqual(new[] { -1 }, session.Outputs["PredictedLabel"].Dimensions);
        float[][] scores = session.Run<float>(pixels, "Score"), logits = session.Run<float>(pixels, "logits"), features = session.Run<float>(pixels, "features");
        string[] labels = [.. session.Run<string>(pixels, "PredictedLabel").Select(row => row.Single())];
        (float[][] expected, uint[] keys) = Score(model, pixels, [3, Size, Size]);
        AssertNear(expected, scores, precision == OnnxPrecision.Float32 ? Single : Half);
        AssertNear(scores, [.. logits.Select(Softmax)], 1e-6f);
        Assert.IsTrue(features.All(row => row.Length == 17 && row.All(float.IsFinite) && row.Any(value => value > 0)));
        Assert.IsGreaterThan(1, labels.Distinct().Count());
        CollectionAssert.AreEqual(scores.Select(row => Classes[Array.IndexOf(row, row.Max())]).ToArray(), labels);
        if (precision == OnnxPrecision.Float32)
        {
            CollectionAssert.AreEqual(keys.Select(key => Classes[key - 1]).ToArray(), labels);
        }
    }

    [TestMethod]
    public void Export_Metadata_SaysWhatTheModelIs()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20), 32);
        model.ExportOnnx(folder.File("model.onnx"));
        model.ExportOnnx(folder.File("other.onnx"), new OnnxExportOptions { LicenseNotes = "CC BY 4.0", InputType = OnnxInputType.UInt8, InputLayout = PixelLayout.Interleaved });
        using var session = new OnnxSession(folder.File("model.onnx"));
        using var other = new OnnxSession(folder.File("other.onnx"));

        Dictionary<string, string> metadata = session.Metadata.CustomMetadataMap;
        Assert.AreEqual("Microsoft.ML.ResNet", session.Metadata.ProducerName);
        Assert.AreEqual("ResNet20", metadata["architecture"]);
        CollectionAssert.AreEqual(Classes, JsonSerializer.Deserialize<string[]>(metadata["class_names"]));
        JsonElement preprocessing = JsonDocument.Parse(metadata["preprocessing"]).RootElement;
        Assert.AreEqual("32 x 32 x 3 RGB NCHW float32 ZeroTo255", string.Join(' ', preprocessing.EnumerateObject().Take(7).Select(property => property.Value)).Replace("32 32 3", "32 x 32 x 3", StringComparison.Ordinal));
        Assert.AreEqual(1 / (255 * 0.229), preprocessing.GetProperty("inGraph").GetProperty("scale")[0].GetDouble(), 1e-8);
        StringAssert.StartsWith(metadata["license"], "The weights are subject to the terms of whoever trained them");
        Assert.AreEqual("CC BY 4.0", other.Metadata.CustomMetadataMap["license"]);
        StringAssert.Contains(other.Metadata.CustomMetadataMap["preprocessing"], "\"layout\":\"NHWC\",\"type\":\"uint8\"");
    }

    [TestMethod]
    [DoNotParallelize]
    public void Export_Twice_GivesTheSameBytesAndLeavesNoTensor()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size);
        File.WriteAllText(folder.File("model.onnx"), "older");
        long tensors = LiveTensors.CountAfterCollection();

        model.ExportOnnx(folder.File("model.onnx"));
        model.ExportOnnx(folder.File("again.onnx"), new OnnxExportOptions());

        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("model.onnx")), File.ReadAllBytes(folder.File("again.onnx")));
        Assert.HasCount(2, Directory.GetFiles(folder.Path));
    }

    /// <summary>Scalars that libtorch still reads must not be finalised: exporting once failed at random.</summary>
    [TestMethod]
    public void Export_WhileFinalizersRun_GivesTheSameBytes()
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = Create(Small, Size);
        model.ExportOnnx(folder.File("model.onnx"));
        byte[] expected = File.ReadAllBytes(folder.File("model.onnx"));
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            for (int i = 0; i < 5; i++)
            {
                model.ExportOnnx(folder.File("again.onnx"));
                CollectionAssert.AreEqual(expected, File.ReadAllBytes(folder.File("again.onnx")));
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    private static void AssertSame(ResNetArchitecture architecture, OnnxExportOptions options, float tolerance)
    {
        // The ImageNet stem where the architecture leaves it open, at a size that keeps deep networks quick.
        const int size = 48;
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture);
        specification = specification.Stem == ResNetStem.Auto ? specification with { Stem = ResNetStem.ImageNet } : specification;
        using ResNetTransformer model = Create(specification, size);

        AssertSame(model, size, options, tolerance);
    }

    private static void AssertSame(ResNetTransformer model, int size, OnnxExportOptions options, float tolerance)
    {
        using var folder = new TemporaryFolder();
        model.ExportOnnx(folder.File("model.onnx"), options);
        float[][] images = Pixels(3, size);
        using var session = new OnnxSession(folder.File("model.onnx"));
        bool isInterleaved = options.InputLayout == PixelLayout.Interleaved;

        float[][] scores = session.Run<float>(isInterleaved ? [.. images.Select(image => Interleave(image, size))] : images, "scores");

        AssertNear(Score(model, images, [3, size, size]).Scores, scores, tolerance);
    }

    private static void AssertNear(float[][] expected, float[][] actual, float tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsTrue(expected[0].Max() is > 0.2f and < 0.999f, "The test's network is too sure or too unsure of its answer to show a difference.");
        double difference = expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(pair => Math.Abs(pair.First - pair.Second)));
        Console.WriteLine($"Largest difference of a probability: {difference:G3}; probabilities {string.Join(' ', expected[0])}");
        Assert.IsLessThan(tolerance, difference);
    }

    private static float[] Interleave(float[] planar, int size)
    {
        float[] interleaved = new float[planar.Length];
        for (int i = 0; i < planar.Length; i++)
        {
            interleaved[(i % (size * size) * 3) + (i / (size * size))] = planar[i];
        }

        return interleaved;
    }

    private static float[] Softmax(float[] logits)
    {
        double[] powers = [.. logits.Select(logit => Math.Exp(logit - (double)logits.Max()))];
        return [.. powers.Select(power => (float)(power / powers.Sum()))];
    }
}
