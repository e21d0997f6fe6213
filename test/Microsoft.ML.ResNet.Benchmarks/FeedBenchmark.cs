using System.Diagnostics;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>How fast images are decoded and augmented, by the number of threads, into batches that nothing takes: what a GPU can be fed with.</summary>
internal sealed class FeedBenchmark : IBenchmark
{
    private const int BatchSize = 64;

    public string Name => "feed";

    public string Description => "decoding of JPEG files of 500x375 and augmentation to 224 pixels, by the number of threads";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        int rounds = quick ? 1 : 5;
        using var photos = new PhotoFolder(4 * BatchSize);
        string[] files = Directory.GetFiles(photos.Root, "*", SearchOption.AllDirectories);
        int[] threads = [.. new[] { 1, 2, 4, 8, 16, 32, 64 }.Where(count => count < Environment.ProcessorCount), Environment.ProcessorCount];
        List<BenchmarkResult> results = [];
        results.AddRange(Interleaved.Run(Name, "images/s", rounds, [.. threads.Select(count => ($"decoding, threads: {count}", (Func<double>)(() => Decode(files, count))))]));
        foreach (AugmentationPreset preset in new[] { AugmentationPreset.None, AugmentationPreset.Standard, AugmentationPreset.Strong })
        {
            using ImageDataset images = Decoded(files);
            results.AddRange(Interleaved.Run(
                Name, "images/s", rounds, [.. threads.Select(count => ($"augmentation {preset}, threads: {count}", (Func<double>)(() => Augment(images, preset, count))))]));
        }

        return results;
    }

    private static double Decode(string[] files, int threads)
    {
        using ImageDataset images = Pending(files);
        int[] rows = [.. Enumerable.Range(0, files.Length)];
        var clock = Stopwatch.StartNew();
        images.Prepare(rows, threads);
        return files.Length / clock.Elapsed.TotalSeconds;
    }

    private static double Augment(ImageDataset images, AugmentationPreset preset, int threads)
    {
        var options = new ResNetTrainer.Options { BatchSize = BatchSize, Augmentation = preset };
        TrainingSettings settings = TrainingDefaults.Resolve(options, 224, images.Count, classWeights: null, seed: 1);
        var plan = new BatchPlan(images.Count, BatchSize);
        using var batches = new BatchLoader(images, weights: null, plan, settings, CPU, threads);
        batches.Shuffle(1);
        batches.Fill(0);
        batches.Shuffle(2);
        var clock = Stopwatch.StartNew();
        for (int batch = 0; batch < plan.Count; batch++)
        {
            batches.Fill(batch);
        }

        return images.Count / clock.Elapsed.TotalSeconds;
    }

    private static ImageDataset Decoded(string[] files)
    {
        ImageDataset images = Pending(files);
        images.Prepare([.. Enumerable.Range(0, files.Length)], Environment.ProcessorCount);
        return images;
    }

    private static ImageDataset Pending(string[] files)
    {
        var preprocessing = new ImagePreprocessing { Width = 224, Height = 224, Fit = ImageFit.ShortSideCrop, ShortSide = 256, Mean = [0.5f, 0.5f, 0.5f], StandardDeviation = [0.25f, 0.25f, 0.25f] };
        return new ImageDataset(
            new CachedImages(
                new PixelCache(channels: 3, elementSize: 1, memoryLimit: 1L << 30, Path.GetTempPath()),
                [.. files.Select((file, row) => new PendingImage.OfFile(new ImageFile(file), row))],
                new TrainingImageFitter(preprocessing)),
            [.. files.Select((_, row) => new ImageEntry(row, row % 2, 1))],
            InputFormat.Of(224, 224, PixelRange.ZeroTo255, [0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]));
    }
}
