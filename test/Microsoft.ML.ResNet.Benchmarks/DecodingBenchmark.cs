using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>JPEG files to the network's input, by processor time on one thread.</summary>
internal sealed class DecodingBenchmark : IBenchmark
{
    public string Name => "decoding";

    public string Description => "JPEG files of 500x375 to 224x224 pixels, one thread";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        using var photos = new PhotoFolder(quick ? 8 : 64);
        var context = new MLContext(1);
        IDataView files = context.Data.LoadImageFolder(photos.Root);
        string[] paths = [.. files.GetColumn<string>("ImagePath")];
        IDataView extracted = context.Transforms.LoadImages("Image", "", "ImagePath")
            .Append(context.Transforms.ResizeImages("Image", 224, 224, resizing: ImageResizingEstimator.ResizingKind.IsoCrop))
            .Append(context.Transforms.ExtractPixels("Pixels", "Image"))
            .Fit(files)
            .Transform(files);
        var preprocessor = new ImagePreprocessor(224, 224, 256, ImageFit.ShortSideCrop);
        byte[] target = new byte[preprocessor.OutputLength];

        double Ours() => PerCpuSecond(() =>
        {
            foreach (string path in paths)
            {
                preprocessor.LoadFile(path, target);
            }
        });
        double Peer() => PerCpuSecond(() =>
        {
            using DataViewRowCursor cursor = extracted.GetRowCursor([extracted.Schema["Pixels"]]);
            ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(extracted.Schema["Pixels"]);
            VBuffer<float> pixels = default;
            while (cursor.MoveNext())
            {
                getter(ref pixels);
            }
        });

        Ours();
        Peer();
        return Interleaved.Run(
            Name, "images per CPU-second", quick ? 2 : 11, ("ML.NET: LoadImages, ResizeImages(IsoCrop), ExtractPixels", Peer), ("Microsoft.ML.ResNet: the path of the file", Ours));

        double PerCpuSecond(Action pass)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            pass();
            return paths.Length / (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        }
    }
}
