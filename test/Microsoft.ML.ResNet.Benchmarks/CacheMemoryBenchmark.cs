using System.Diagnostics;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>What decoded training images take in memory, with and without a limit.</summary>
internal sealed class CacheMemoryBenchmark : IBenchmark
{
    public string Name => "cache-memory";

    public string Description => "growth of the process when 2,000 JPEG files of 500x375 are decoded for 224 pixels, kept or streamed (100 with --quick)";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        int count = quick ? 100 : 2000;
        using var photos = new PhotoFolder(count);
        var context = new MLContext(1);
        IDataView files = context.Data.LoadImageFolder(photos.Root);
        IDataView data = context.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files);
        return Interleaved.Run(
            Name,
            "MiB",
            rounds: 1,
            ("all in memory", () => Growth(data, count, limit: null)),
            ("at most 100 MiB in memory (CacheMemoryLimit), the rest in a file", () => Growth(data, count, limit: 100 << 20)),
            ("read anew each time (StreamImages)", () => Growth(data, count, limit: null, streams: true)));
    }

    private static double Growth(IDataView data, int count, long? limit, bool? streams = null)
    {
        long before = ResidentBytes();
        var options = new ResNetTrainer.Options { FeatureColumnName = "ImagePath", ImageSize = 224, CacheMemoryLimit = limit, StreamImages = streams };
        ImageColumn column = ImageColumn.Of(data.Schema, "ImagePath", PixelLayout.Auto);
        var reader = new TrainingDataReader(TrainingDefaults.Reading(options, Path.GetTempPath()), column, () => { }, _ => { });
        using TrainingData training = reader.Read(data, LabeledRows.Read(data, new LabeledRowColumns("Label", "Label column"), column, imageFolder: null, () => { }));
        int[] rows = [.. Enumerable.Range(0, count)];
        foreach (int[] batch in rows.Chunk(32))
        {
            training.Training.Prepare(batch, Environment.ProcessorCount);
        }

        double growth = (ResidentBytes() - before) / 1048576.0;
        GC.KeepAlive(training);
        return growth;
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
