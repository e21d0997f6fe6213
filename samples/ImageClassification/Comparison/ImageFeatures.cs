using Microsoft.ML;
using Microsoft.ML.ResNet;

namespace ImageClassification.Comparison;

/// <summary>Three ways from the column ImagePath to the column Features, which ML.NET's own trainers read: this is code to copy.</summary>
internal static class ImageFeatures
{
    /// <summary>The pixels themselves, 0 to 1.</summary>
    /// <param name="size">Width and height in pixels; every pixel is three features.</param>
    public static IEstimator<ITransformer> Pixels(MLContext mlContext, int size)
        => mlContext.Transforms.LoadImages("Image", imageFolder: null, "ImagePath")
            .Append(mlContext.Transforms.ResizeImages("Image", size, size))
            .Append(mlContext.Transforms.ExtractPixels("Features", "Image", scaleImage: 1 / 255f));

    /// <summary>
    /// A network that was trained on ImageNet, in ONNX Runtime, as ML.NET has had it: the package's first file brings the pixels into the
    /// order blue, green, red and subtracts a mean image, its second is the network.
    /// </summary>
    public static IEstimator<ITransformer> Onnx(MLContext mlContext)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "DnnImageModels");
        return mlContext.Transforms.LoadImages("Image", imageFolder: null, "ImagePath")
            .Append(mlContext.Transforms.ResizeImages("Image", 224, 224))
            .Append(mlContext.Transforms.ExtractPixels("OriginalInput", "Image"))
            .Append(mlContext.Transforms.ApplyOnnxModel("PreprocessedInput", "OriginalInput", Path.Combine(folder, "ResNetPrepOnnx", "ResNetPreprocess.onnx")))
            .Append(mlContext.Transforms.CopyColumns("Input247", "PreprocessedInput"))
            .Append(mlContext.Transforms.ApplyOnnxModel("Pooling395_Output_0", "Input247", Path.Combine(folder, "ResNet18Onnx", "ResNet18.onnx")))
            .Append(mlContext.Transforms.CopyColumns("Features", "Pooling395_Output_0"));
    }

    /// <summary>The same network by this library: one transform.</summary>
    public static IEstimator<ITransformer> ResNet(MLContext mlContext)
        => mlContext.Transforms.ResNetFeatures("Features", "ImagePath", ResNetWeights.ImageNet());
}
