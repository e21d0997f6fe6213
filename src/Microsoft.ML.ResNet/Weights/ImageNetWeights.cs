using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.WeightFiles.OnnxImport;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>
/// The network of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, trained on ImageNet: basic blocks in depths 2, 2, 2, 3, without
/// classifier. It was trained on pixels of 0 to 255 in the order blue, green, red, from which a mean image is subtracted.
/// </summary>
internal static class ImageNetWeights
{
    public const string Package = "Microsoft.ML.DnnImageFeaturizer.ResNet18";

    // Where the package's build targets copy its files to, below the application's output folder.
    private static readonly string NetworkFile = Path.Combine("DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
    private static readonly string MeanFile = Path.Combine("DnnImageModels", "ResNetPrepOnnx", "ResNetPreprocess.onnx");

    /// <summary>Reads the network from the package's files below a folder.</summary>
    /// <returns>The path of the network and its weights, as a network takes them whose images are RGB.</returns>
    /// <exception cref="FileNotFoundException">The files are not there; the message names the package to add.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static (string Path, WeightFile File) Read(string applicationFolder)
    {
        string network = Find(applicationFolder, NetworkFile);
        WeightTensor mean = Mean(Find(applicationFolder, MeanFile));
        WeightFile file = WeightFileReader.Read(network);
        return (network, new WeightFile([.. file.Tensors.Select(tensor => tensor.Name == "conv1.weight" ? ReverseChannels(tensor) : tensor)])
        {
            Preprocessing = Preprocessing(mean),
        });
    }

    /// <summary>The mean image, [1,3,224,224] in the order blue, green, red.</summary>
    public static WeightTensor Mean(string path)
    {
        try
        {
            return OnnxGraph.Parse(File.ReadAllBytes(path)).Constants.Where(tensor => tensor is { Type: WeightElementType.Float32, Shape: [1, 3, > 0, > 0] }).ToArray() is [var mean]
                ? mean
                : throw new InvalidDataException("it has no mean image of three channels.");
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"Preprocessing file '{path}' can't be used: {exception.Message}", exception);
        }
    }

    private static string Find(string applicationFolder, string file)
    {
        string path = Path.Combine(applicationFolder, file);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException(
                $"The ImageNet weights '{path}' are missing. Add the package that has them to the application's project: dotnet add package {Package}", path);
    }

    /// <summary>
    /// The average of the mean image by channel, in units of pixels scaled to 0 to 1: <c>(x / 255 - mean / 255) * 255 = x - mean</c>. The
    /// mean image differs little from place to place; the tests measure that its average loses no accuracy.
    /// </summary>
    private static ImagePreprocessing Preprocessing(WeightTensor mean)
    {
        int height = (int)mean.Shape[2], width = (int)mean.Shape[3];
        float[] values = mean.ToSingle();
        float[] rgb = [.. Enumerable.Range(0, 3).Select(channel => (float)(values.Skip((2 - channel) * width * height).Take(width * height).Average(value => (double)value) / 255))];
        return new ImagePreprocessing
        {
            Width = width,
            Height = height,
            Fit = ImageFit.ShortSideCrop,
            ShortSide = ImagePreprocessing.DefaultShortSide(Math.Min(width, height)),
            Mean = Array.AsReadOnly(rgb),
            StandardDeviation = Array.AsReadOnly(new float[] { 1 / 255f, 1 / 255f, 1 / 255f }),
        };
    }

    /// <summary>The first convolution for images whose channels come in the opposite order.</summary>
    private static WeightTensor ReverseChannels(WeightTensor weight)
    {
        float[] source = weight.ToSingle(), target = new float[source.Length];
        int channels = (int)weight.Shape[1], area = (int)(weight.Shape[2] * weight.Shape[3]);
        for (int plane = 0; plane < source.Length / area; plane++)
        {
            int reversed = plane - (plane % channels) + (channels - 1 - (plane % channels));
            Array.Copy(source, plane * area, target, reversed * area, area);
        }

        return WeightTensor.OfSingles(weight.Name, weight.Shape, target);
    }
}
