using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The web application under load: its batching queue, its pool of prediction engines, and the queue on ML.NET's ApplyOnnxModel with the same network.</summary>
internal sealed class ServingBenchmark : IBenchmark
{
    private static readonly int[] s_clients = [1, 8, 32];

    public string Name => "serving";

    public string Description => $"samples/ImageScoringApi, ResNet-18 of {UntrainedModel.Size}x{UntrainedModel.Size}, JPEG files of 500x375, one file a request, clients on the same processors";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        string folder = Directory.CreateTempSubdirectory("resnet-serving-").FullName;
        try
        {
            using var photos = new PhotoFolder(64);
            byte[][] files = [.. Directory.GetFiles(photos.Root, "*.jpg", SearchOption.AllDirectories).Order().Select(File.ReadAllBytes)];
            var (native, onnx) = SaveModels(folder);
            using var batched = new ServingProcess(native);
            using var pooled = new ServingProcess(native, "--Serving:Mode", "Pooled");
            using var byOnnx = new ServingProcess(onnx, "--Serving:ImageColumn", UntrainedModel.PathColumn);
            List<BenchmarkResult> results = [];
            foreach (int clients in quick ? s_clients[..1] : s_clients)
            {
                int requests = quick ? 16 : clients == 1 ? 120 : 400;
                Load[] loads = [new(batched, files, clients, requests), new(pooled, files, clients, requests), new(byOnnx, files, clients, requests)];
                Array.ForEach(loads, load => load.WarmUp());
                string suffix = $"{clients} client{(clients == 1 ? "" : "s")}";
                (string Name, Load Load)[] named = [($"batching queue, {suffix}", loads[0]), ($"pool of engines, {suffix}", loads[1]), ($"ApplyOnnxModel in the queue, {suffix}", loads[2])];
                results.AddRange(Interleaved.Run(Name, "requests/s", quick ? 1 : 3, [.. named.Select(each => (each.Name, (Func<double>)each.Load.RequestsPerSecond))]));
                results.AddRange(Table(named, "p50, ms", load => load.Percentile(0.5)));
                results.AddRange(Table(named, "p99, ms", load => load.Percentile(0.99)));
                results.AddRange(Table(named, "MB", load => load.Megabytes));
                results.AddRange(Table(named, "errors", load => load.Errors));
            }

            return results;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private IEnumerable<BenchmarkResult> Table((string Name, Load Load)[] loads, string unit, Func<Load, double> value)
    {
        double first = value(loads[0].Load);
        return loads.Select(each =>
        {
            double ratio = first == 0 ? double.NaN : value(each.Load) / first;
            return new BenchmarkResult(Name, each.Name, unit, value(each.Load), ratio, ratio, ratio);
        });
    }

    private static (string Native, string Onnx) SaveModels(string folder)
    {
        string native = Path.Combine(folder, "native.zip"), onnx = Path.Combine(folder, "onnx.zip"), exported = Path.Combine(folder, "model.onnx");
        var context = new MLContext(1);
        using ResNetTransformer model = UntrainedModel.Create(ResNetArchitecture.ResNet18, FeatureKind.Path);
        context.Model.Save(model, context.Data.LoadFromEnumerable(Array.Empty<PathRow>()).Schema, native);
        model.ExportOnnx(exported, new OnnxExportOptions { InputName = "Pixels" });

        IDataView images = context.Data.LoadFromEnumerable(Array.Empty<ImageRow>());
        var pipeline = context.Transforms.ResizeImages("Resized", UntrainedModel.Size, UntrainedModel.Size, UntrainedModel.PathColumn)
            .Append(context.Transforms.ExtractPixels("Pixels", "Resized"))
            .Append(context.Transforms.ApplyOnnxModel(["scores"], ["Pixels"], exported))
            .Append(context.Transforms.CopyColumns("Score", "scores"));
        context.Model.Save(pipeline.Fit(images), inputSchema: null, onnx);
        return (native, onnx);
    }

    /// <summary>So many clients, each of which sends a file when the answer to the one before has come.</summary>
    private sealed class Load(ServingProcess server, byte[][] files, int clients, int requests)
    {
        private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = clients }) { BaseAddress = server.Address };
        private readonly List<double> _milliseconds = [];

        public int Errors { get; private set; }

        public double Megabytes => server.Megabytes;

        public void WarmUp()
        {
            Send(Math.Max(16, clients * 2));
            _milliseconds.Clear();
        }

        public double RequestsPerSecond()
        {
            var clock = Stopwatch.StartNew();
            Send(requests);
            return requests / clock.Elapsed.TotalSeconds;
        }

        /// <summary>Over all requests of all rounds.</summary>
        public double Percentile(double share) => _milliseconds.Order().ElementAt((int)((_milliseconds.Count - 1) * share));

        private void Send(int count)
        {
            int next = 0;
            Task.WaitAll([.. Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
            {
                int i;
                while ((i = Interlocked.Increment(ref next) - 1) < count)
                {
                    var clock = Stopwatch.StartNew();
                    using var content = new ByteArrayContent(files[i % files.Length]);
                    content.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue("image/jpeg");
                    using HttpResponseMessage response = await _http.PostAsync("predict", content);
                    await response.Content.ReadAsByteArrayAsync();
                    lock (_milliseconds)
                    {
                        _milliseconds.Add(clock.Elapsed.TotalMilliseconds);
                        Errors += response.IsSuccessStatusCode ? 0 : 1;
                    }
                }
            }))]);
        }
    }

    private sealed class PathRow
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class ImageRow
    {
        [ImageType(375, 500)]
        public MLImage? ImagePath { get; set; }
    }
}
