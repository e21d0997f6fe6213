using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>Exported models of image files: ONNX Runtime gets the bytes that the transformer makes of a file.</summary>
[TestClass]
public sealed class OnnxImagesTests
{
    private const int Size = 64;

    [TestMethod]
    public void Export_ModelOfImagePaths_ScoresFilesTheSame()
    {
        using var folder = new TemporaryFolder();
        string[] files = [.. ImageRows.Write(folder.Path, 6, 100, 80).Select(row => row.ImagePath)];

        double difference = Difference(new ResNetSpecification { Depths = [1, 1], Widths = [8, 16], Stem = ResNetStem.ImageNet }, files, folder.File("model.onnx"), new OnnxExportOptions());

        Assert.IsLessThan(1e-4, difference);
    }

    /// <summary>Real photographs (<see cref="SharedData"/>, <c>photos</c>).</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Architectures))]
    public void Export_EveryArchitecture_ScoresAHundredPhotosTheSame(ResNetArchitecture architecture)
    {
        using var folder = new TemporaryFolder();
        string[] files = Photos(100);
        ResNetSpecification specification = ResNetSpecification.FromArchitecture(architecture);
        specification = specification.Stem == ResNetStem.Auto ? specification with { Stem = ResNetStem.ImageNet } : specification;

        double single = Difference(specification, files, folder.File("model.onnx"), new OnnxExportOptions());
        double half = Difference(specification, files, folder.File("model.onnx"), new OnnxExportOptions { Precision = OnnxPrecision.Float16 });

        Console.WriteLine($"{architecture}: largest difference of a probability {single:G3}, in float16 {half:G3}");
        Assert.IsLessThan(1e-4, single);
        Assert.IsLessThan(2e-2, half);
    }

    public static IEnumerable<object[]> Architectures => Enum.GetValues<ResNetArchitecture>().Select(architecture => new object[] { architecture });

    /// <summary>The largest difference of a probability between the transformer and ONNX Runtime.</summary>
    private static double Difference(ResNetSpecification specification, string[] files, string path, OnnxExportOptions options)
    {
        using ResNetTransformer model = OnnxModels.Create(specification, Size, kind: FeatureKind.Path);
        options.InputType = OnnxInputType.UInt8;
        options.InputLayout = PixelLayout.Interleaved;
        model.ExportOnnx(path, options);
        using var session = new OnnxSession(path);
        IDataView scored = model.Transform(new MLContext().Data.LoadFromEnumerable(files.Select(file => new Row { Features = file })));
        float[][] expected = [.. scored.GetColumn<float[]>("Score")];
        float[][] actual = [.. files.Chunk(20).SelectMany(part => session.Run<float>([.. part.Select(Load)], "scores"))];

        Assert.HasCount(expected.Length, actual);
        Assert.IsTrue(expected.Average(row => row.Max()) is > 0.2f and < 0.999f, "The test's network is too sure or too unsure of its answers to show a difference.");
        return expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private static float[] Load(string file)
    {
        byte[] pixels = new byte[Size * Size * 3];
        new ImagePreprocessor(Size, Size, Size, ImageFit.ShortSideCrop).LoadFile(file, pixels);
        return [.. pixels.Select(value => (float)value)];
    }

    private static string[] Photos(int count)
    {
        string folder = Path.Combine(SharedData.Folder("photos"), "test");
        string[] files = [.. Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(count)];
        Assert.HasCount(count, files);
        return files;
    }

    private sealed class Row
    {
        public string Features { get; set; } = "";
    }
}
