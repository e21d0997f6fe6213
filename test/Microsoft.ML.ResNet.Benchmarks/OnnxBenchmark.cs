using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Exporting as ONNX: how long it takes, how large the files are, and how fast they score beside the transformer.</summary>
internal sealed class OnnxBenchmark : IBenchmark
{
    private const int BatchSize = 32;

    public string Name => "onnx";

    public string Description => $"ResNet-18 with 5 classes, pixel vectors of {UntrainedModel.Size}x{UntrainedModel.Size}, {BatchSize} images a round";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        int rounds = quick ? 1 : 7;
        string folder = Directory.CreateTempSubdirectory("resnet-benchmark-").FullName;
        try
        {
            using ResNetTransformer model = UntrainedModel.Create(ResNetArchitecture.ResNet18, FeatureKind.Pixels);
            string single = Path.Combine(folder, "single.onnx"), half = Path.Combine(folder, "half.onnx");
            List<BenchmarkResult> results =
            [
                .. Interleaved.Run(Name, "ms", rounds, ("export, float32", () => Export(model, single, OnnxPrecision.Float32)), ("export, float16", () => Export(model, half, OnnxPrecision.Float16))),
                .. Interleaved.Run(Name, "MB", 1, ("file, float32", () => new FileInfo(single).Length / 1e6), ("file, float16", () => new FileInfo(half).Length / 1e6)),
            ];

            var context = new MLContext(1);
            IDataView data = context.Data.LoadFromEnumerable(PixelVectors.Create(BatchSize));
            float[] pixels = [.. data.GetColumn<float[]>("Pixels").SelectMany(row => row)];
            IDataView byTransformer = model.Transform(data);
            using var onnx = BenchmarkThreads.Transformer(context, single, "Pixels", data);
            IDataView byApplyOnnxModel = onnx.Transform(data);
            using InferenceSession session = BenchmarkThreads.Session(single);
            results.AddRange(Interleaved.Run(
                Name,
                "images/s",
                rounds,
                ("ResNetTransformer", () => Rate(() => byTransformer.GetColumn<float[]>("Score").Count())),
                ("ONNX Runtime, one batch", () => Rate(() => Run(session, pixels))),
                ("ML.NET's ApplyOnnxModel", () => Rate(() => byApplyOnnxModel.GetColumn<float[]>("scores").Count()))));
            return results;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Export(ResNetTransformer model, string path, OnnxPrecision precision)
    {
        var clock = Stopwatch.StartNew();
        model.ExportOnnx(path, new OnnxExportOptions { Precision = precision, InputName = "Pixels" });
        return clock.Elapsed.TotalMilliseconds;
    }

    private static double Rate(Action score)
    {
        var clock = Stopwatch.StartNew();
        score();
        return BatchSize / clock.Elapsed.TotalSeconds;
    }

    private static void Run(InferenceSession session, float[] pixels)
    {
        var input = NamedOnnxValue.CreateFromTensor("Pixels", new DenseTensor<float>(pixels, [BatchSize, 3, UntrainedModel.Size, UntrainedModel.Size]));
        session.Run([input]).Dispose();
    }
}
