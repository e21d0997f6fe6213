using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.Transforms.Image;
using Microsoft.ML.Transforms.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Scoring, beside the same weights in ONNX Runtime as ML.NET uses it.</summary>
internal sealed class ScoringBenchmark : IBenchmark
{
    /// <summary>What this library scores at once, too.</summary>
    private const int BatchSize = 8;

    public string Name => "scoring";

    public string Description => $"images of {UntrainedModel.Size}x{UntrainedModel.Size}, five classes";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        string folder = Directory.CreateTempSubdirectory("resnet-benchmark-").FullName;
        try
        {
            List<BenchmarkResult> results = [.. PixelVectorsOf(ResNetArchitecture.ResNet18, folder, quick ? 1 : 9, quick ? 32 : 96), .. SinglePredictions(folder, quick ? 1 : 9, quick ? 10 : 60)];
            results.AddRange(ImageFiles(folder, quick ? 1 : 9, quick ? 32 : 96));
            if (!quick)
            {
                results.AddRange(PixelVectorsOf(ResNetArchitecture.ResNet50, folder, rounds: 7, count: 64));
            }

            results.AddRange(FirstPrediction(folder, quick ? 1 : 7));
            return results;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private IReadOnlyList<BenchmarkResult> PixelVectorsOf(ResNetArchitecture architecture, string folder, int rounds, int count)
    {
        var context = new MLContext(1);
        PixelVectors[] rows = PixelVectors.Create(count);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        using ResNetTransformer model = UntrainedModel.Create(architecture, FeatureKind.Pixels);
        using OnnxTransformer peer = Exported(model, folder, context, data);
        string path = Path.Combine(folder, $"{architecture}.onnx");
        model.ExportOnnx(path, new OnnxExportOptions { InputName = UntrainedModel.FeatureColumn });
        using InferenceSession session = BenchmarkThreads.Session(path);
        using ResNetTransformer? half = InBFloat16(model, context);
        IDataView byPeer = peer.Transform(data), byModel = model.Transform(data);
        List<(string, Func<double>)> contestants =
        [
            ($"{architecture}, pixel vectors: ML.NET's ApplyOnnxModel", () => Rate(count, () => Read(byPeer, "scores"))),
            ($"{architecture}, pixel vectors: ONNX Runtime itself, batches of {BatchSize}", () => Rate(count, () => RunBatches(session, rows))),
            ($"{architecture}, pixel vectors: Transform, float32", () => Rate(count, () => Read(byModel, "Score"))),
        ];
        if (half is not null)
        {
            IDataView byHalf = half.Transform(data);
            contestants.Add(($"{architecture}, pixel vectors: Transform, bfloat16", () => Rate(count, () => Read(byHalf, "Score"))));
        }

        return Interleave("images/s", rounds, contestants);
    }

    private IReadOnlyList<BenchmarkResult> SinglePredictions(string folder, int rounds, int count)
    {
        var context = new MLContext(1);
        PixelVectors[] rows = PixelVectors.Create(4);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        using ResNetTransformer model = UntrainedModel.Create(ResNetArchitecture.ResNet18, FeatureKind.Pixels);
        using OnnxTransformer peer = Exported(model, folder, context, data);
        using ResNetTransformer? half = InBFloat16(model, context);
        using PredictionEngine<PixelVectors, OnnxScores> byPeer = context.Model.CreatePredictionEngine<PixelVectors, OnnxScores>(peer);
        using PredictionEngine<PixelVectors, Scores> byModel = context.Model.CreatePredictionEngine<PixelVectors, Scores>(model);
        using PredictionEngine<PixelVectors, Scores>? byHalf = half is null ? null : context.Model.CreatePredictionEngine<PixelVectors, Scores>(half);
        List<(string, Func<double>)> contestants =
        [
            ("ResNet18, PredictionEngine: ML.NET's ApplyOnnxModel", () => Rate(count, () => Predict(byPeer))),
            ("ResNet18, PredictionEngine: float32", () => Rate(count, () => Predict(byModel))),
        ];
        if (byHalf is not null)
        {
            contestants.Add(("ResNet18, PredictionEngine: bfloat16", () => Rate(count, () => Predict(byHalf))));
        }

        return
        [
            .. Interleave("images/s", rounds, contestants),
            .. Interleaved.Run(Name, "managed bytes a prediction", 1, ("ResNet18, PredictionEngine: ML.NET's ApplyOnnxModel", () => Allocated(() => Predict(byPeer))), ("ResNet18, PredictionEngine: float32", () => Allocated(() => Predict(byModel)))),
        ];

        void Predict<TResult>(PredictionEngine<PixelVectors, TResult> engine)
            where TResult : class, new()
        {
            for (int i = 0; i < count; i++)
            {
                engine.Predict(rows[i % rows.Length]);
            }
        }

        double Allocated(Action predict)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            predict();
            return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / count;
        }
    }

    private IReadOnlyList<BenchmarkResult> ImageFiles(string folder, int rounds, int count)
    {
        var context = new MLContext(1);
        using var photos = new PhotoFolder(count);
        IDataView files = context.Data.LoadImageFolder(photos.Root);
        using ResNetTransformer model = UntrainedModel.Create(ResNetArchitecture.ResNet18, FeatureKind.Path);
        using ResNetTransformer? half = InBFloat16(model, context);
        string onnx = Path.Combine(folder, "files.onnx");
        model.ExportOnnx(onnx, new OnnxExportOptions { InputName = UntrainedModel.FeatureColumn });
        IEstimator<ITransformer> pipeline = context.Transforms.LoadImages("Image", "", UntrainedModel.PathColumn)
            .Append(context.Transforms.ResizeImages("Image", UntrainedModel.Size, UntrainedModel.Size, resizing: ImageResizingEstimator.ResizingKind.IsoCrop))
            .Append(context.Transforms.ExtractPixels(UntrainedModel.FeatureColumn, "Image"))
            .Append(context.Transforms.ApplyOnnxModel(BenchmarkThreads.Options(onnx, UntrainedModel.FeatureColumn)));
        ITransformer peer = pipeline.Fit(files);
        using var peerOwner = (IDisposable)peer;
        IDataView byPeer = peer.Transform(files), byModel = model.Transform(files);
        List<(string, Func<double>)> contestants =
        [
            ("ResNet18, JPEG files: LoadImages, ResizeImages, ExtractPixels, ApplyOnnxModel", () => Rate(count, () => Read(byPeer, "scores"))),
            ("ResNet18, JPEG files: Transform, float32", () => Rate(count, () => Read(byModel, "Score"))),
        ];
        if (half is not null)
        {
            IDataView byHalf = half.Transform(files);
            contestants.Add(("ResNet18, JPEG files: Transform, bfloat16", () => Rate(count, () => Read(byHalf, "Score"))));
        }

        return Interleave("images/s", rounds, contestants);
    }

    /// <summary>From a file to the first scores, in a process that has loaded the native libraries.</summary>
    private IReadOnlyList<BenchmarkResult> FirstPrediction(string folder, int rounds)
    {
        var context = new MLContext(1);
        PixelVectors[] rows = PixelVectors.Create(1);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        string zip = Path.Combine(folder, "model.zip"), onnx = Path.Combine(folder, "first.onnx");
        using (ResNetTransformer model = UntrainedModel.Create(ResNetArchitecture.ResNet18, FeatureKind.Pixels))
        {
            context.Model.Save(model, data.Schema, zip);
            model.ExportOnnx(onnx, new OnnxExportOptions { InputName = UntrainedModel.FeatureColumn });
        }

        return Interleaved.Run(
            Name,
            "first predictions/s",
            rounds,
            ("ResNet18: ONNX Runtime's session and first run", () => Rate(1, () =>
            {
                using InferenceSession session = BenchmarkThreads.Session(onnx);
                var input = new DenseTensor<float>(rows[0].Pixels, [1, 3, UntrainedModel.Size, UntrainedModel.Size]);
                session.Run([NamedOnnxValue.CreateFromTensor(UntrainedModel.FeatureColumn, input)]).Dispose();
            })),
            ("ResNet18: model.zip and first prediction", () => Rate(1, () =>
            {
                ITransformer loaded = context.Model.Load(zip, out _);
                using var owner = (IDisposable)loaded;
                using PredictionEngine<PixelVectors, Scores> engine = context.Model.CreatePredictionEngine<PixelVectors, Scores>(loaded);
                engine.Predict(rows[0]);
            })));
    }

    private static OnnxTransformer Exported(ResNetTransformer model, string folder, MLContext context, IDataView data)
    {
        string path = Path.Combine(folder, $"{Guid.NewGuid():N}.onnx");
        model.ExportOnnx(path, new OnnxExportOptions { InputName = UntrainedModel.FeatureColumn });
        return BenchmarkThreads.Transformer(context, path, UntrainedModel.FeatureColumn, data);
    }

    private static ResNetTransformer? InBFloat16(ResNetTransformer model, MLContext context)
        => BFloat16Support.HasInstructions(CPU) ? model.WithScoringPrecision(context, ScoringPrecision.BFloat16) : null;

    /// <summary>Once without a clock, so that weights are laid out and code is compiled, then the rounds.</summary>
    private IReadOnlyList<BenchmarkResult> Interleave(string unit, int rounds, List<(string What, Func<double> Measure)> contestants)
    {
        contestants.ForEach(contestant => contestant.Measure());
        return Interleaved.Run(Name, unit, rounds, [.. contestants]);
    }

    private static void Read(IDataView scored, string column)
    {
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema[column]]);
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(scored.Schema[column]);
        VBuffer<float> scores = default;
        while (cursor.MoveNext())
        {
            getter(ref scores);
        }
    }

    private static void RunBatches(InferenceSession session, PixelVectors[] rows)
    {
        foreach (PixelVectors[] batch in rows.Chunk(BatchSize))
        {
            float[] pixels = new float[batch.Length * batch[0].Pixels.Length];
            for (int i = 0; i < batch.Length; i++)
            {
                batch[i].Pixels.CopyTo(pixels, i * batch[i].Pixels.Length);
            }

            var input = new DenseTensor<float>(pixels, [batch.Length, 3, UntrainedModel.Size, UntrainedModel.Size]);
            session.Run([NamedOnnxValue.CreateFromTensor(UntrainedModel.FeatureColumn, input)]).Dispose();
        }
    }

    private static double Rate(int count, Action score)
    {
        var clock = Stopwatch.StartNew();
        score();
        return count / clock.Elapsed.TotalSeconds;
    }

    private sealed class OnnxScores
    {
        [ColumnName("scores")]
        public float[] Values { get; set; } = [];
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
