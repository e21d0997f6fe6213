using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.Onnx;

/// <summary>The crop in the graph, for pipelines that resize but can't crop.</summary>
[TestClass]
public sealed class OnnxCenterCropTests
{
    private const int Size = 72, ShortSide = 82;

    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    /// <summary>Images of the short side that the model resizes to, as ML.NET's resizing of others differs from this library's.</summary>
    [TestMethod]
    [DataRow(OnnxInputType.Float32, PixelLayout.Planar)]
    [DataRow(OnnxInputType.UInt8, PixelLayout.Interleaved)]
    public void Transform_OnnxPipelineWithTheCrop_PredictsTheSame(OnnxInputType type, PixelLayout layout)
    {
        IDataView data = _context.Data.LoadFromEnumerable(ImageRows.Write(_folder.Path, 12, ShortSide, ShortSide));
        using var model = (IDisposable)PixelRows.Fit(_context, data, Options(ImageFit.ShortSideCrop));
        ResNetTransformer resnet = PixelRows.ResNetOf((ITransformer)model);
        string path = _folder.File("model.onnx");
        resnet.ExportOnnx(path, new OnnxExportOptions { ScoresName = "Scores", InputType = type, InputLayout = layout, IncludeCenterCrop = true });
        Assert.AreEqual(ShortSide, resnet.Preprocessing.ShortSide);

        ITransformer onnxModel = _context.Transforms.LoadImages("Image", null, "ImagePath")
            .Append(_context.Transforms.ResizeImages("Image", resnet.Preprocessing.ShortSide, resnet.Preprocessing.ShortSide))
            .Append(_context.Transforms.ExtractPixels("pixels", "Image", outputAsFloatArray: type == OnnxInputType.Float32, interleavePixelColors: layout == PixelLayout.Interleaved))
            .Append(_context.Transforms.ApplyOnnxModel(["Scores"], ["pixels"], path))
            .Fit(data);
        IDataView scored = onnxModel.Transform(data);

        AssertSame(PixelRows.Scores((ITransformer)model, data), [.. scored.GetColumn<float[]>(scored.Schema["Scores"])], 1e-4f);
    }

    /// <summary>The file gives the network back, as one without the crop does.</summary>
    [TestMethod]
    [DataRow(OnnxInputType.Float32, OnnxPrecision.Float32, 1e-4f)]
    [DataRow(OnnxInputType.UInt8, OnnxPrecision.Float16, 5e-3f)]
    public void FromFile_ExportWithTheCrop_IsTheModel(OnnxInputType type, OnnxPrecision precision, float tolerance)
    {
        IDataView data = _context.Data.LoadFromEnumerable(ImageRows.Write(_folder.Path, 12, 100, 90));
        using var model = (IDisposable)PixelRows.Fit(_context, data, Options(ImageFit.ShortSideCrop));
        string path = _folder.File("model.onnx");
        PixelRows.ResNetOf((ITransformer)model).ExportOnnx(path, new OnnxExportOptions { InputType = type, InputLayout = PixelLayout.Interleaved, Precision = precision, IncludeCenterCrop = true });

        using ResNetTransformer again = ResNetWeights.FromFile(path).ToClassifier(_context, featureColumnName: "ImagePath");

        Assert.AreEqual(ShortSide, again.Preprocessing.ShortSide);
        AssertSame(PixelRows.Scores((ITransformer)model, data), PixelRows.Scores(again, data), tolerance);
    }

    [TestMethod]
    public void ExportOnnx_CropOfAModelThatCropsNothing_IsRefused()
    {
        IDataView images = _context.Data.LoadFromEnumerable(ImageRows.Write(_folder.Path, 12));
        using var stretched = (IDisposable)PixelRows.Fit(_context, images, Options(ImageFit.Stretch));
        IDataView pixels = PixelRows.Keyed(_context, PixelRows.Create(12));
        using ResNetTransformer ofPixels = _context.MulticlassClassification.Trainers.ResNet(PixelRows.Options(epochs: 1)).Fit(pixels);

        Assert.AreEqual("IncludeCenterCrop is set, but the model fits its images by Stretch, without a crop. Leave it false.", Refused(PixelRows.ResNetOf((ITransformer)stretched)));
        Assert.AreEqual("IncludeCenterCrop is set, but the model was trained on pixel vectors, which are not cropped. Leave it false.", Refused(ofPixels));

        string Refused(ResNetTransformer model)
            => Assert.ThrowsExactly<ArgumentException>(() => model.ExportOnnx(_folder.File("none.onnx"), new OnnxExportOptions { IncludeCenterCrop = true })).Message;
    }

    private static ResNetTrainer.Options Options(ImageFit fit)
    {
        ResNetTrainer.Options options = ImageRows.Options("ImagePath", epochs: 1);
        (options.ImageSize, options.ImageFit) = (Size, fit);
        return options;
    }

    private static void AssertSame(float[][] expected, float[][] actual, float tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThan(tolerance, expected.Zip(actual).Max(pair => pair.First.Zip(pair.Second).Max(values => Math.Abs(values.First - values.Second))));
    }
}
