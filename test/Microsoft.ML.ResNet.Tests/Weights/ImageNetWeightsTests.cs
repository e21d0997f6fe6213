using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Weights;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.ResNet.Tests.Weights;

/// <summary>The network of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, compared with what ONNX Runtime makes of it.</summary>
[TestClass]
public sealed class ImageNetWeightsTests
{
    private const int Size = 224;

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "DnnImageModels");

    [TestMethod]
    public void ImageNet_Package_GivesTheNetworkWithItsPreprocessing()
    {
        RequirePackage();

        ResNetWeights weights = ResNetWeights.ImageNet();

        Assert.AreEqual(new ResNetSpecification { Depths = [2, 2, 2, 3], Stem = ResNetStem.ImageNet }, weights.Specification);
        Assert.IsNull(weights.Architecture);
        Assert.IsNull(weights.ClassCount);
        Assert.AreEqual(3, weights.InputChannels);
        Assert.AreEqual(0, weights.NonFiniteCount);
        Assert.HasCount(110, weights.Entries);
        Assert.AreEqual((Size, Size, 256), (weights.Preprocessing!.Width, weights.Preprocessing.Height, weights.Preprocessing.ShortSide));
        foreach (var (mean, expected) in weights.Preprocessing.Mean.Zip([122.7f, 116.7f, 104.0f]))
        {
            // The channel means of ImageNet's training images, as Caffe's networks of that time subtract them.
            Assert.AreEqual(expected, mean * 255, 2f);
        }
    }

    [TestMethod]
    public void ImageNet_SameInput_GivesOnnxRuntimesFeatures()
    {
        RequirePackage();
        ResNetWeights asInFile = ResNetWeights.FromFile(Path.Combine(Folder, "ResNet18Onnx", "ResNet18.onnx"));
        using ResidualNetwork bgr = Build(asInFile), rgb = Build(ResNetWeights.ImageNet());
        using var session = new InferenceSession(Path.Combine(Folder, "ResNet18Onnx", "ResNet18.onnx"));
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        Tensor images = GoldenFill.Images(2, 3, Size, Size) * tensor(60f);
        float[] values = images.data<float>().ToArray();
        float[] expected = [.. Run(session, values.AsMemory(0, values.Length / 2)), .. Run(session, values.AsMemory(values.Length / 2))];

        AssertClose(expected, bgr.Features(images));
        AssertClose(expected, rgb.Features(images.flip(1)));
    }

    [TestMethod]
    public void ImageNet_WithoutThePackage_NamesIt()
    {
        using var folder = new TemporaryFolder();

        var exception = Assert.ThrowsExactly<FileNotFoundException>(() => ImageNetWeights.Read(folder.Path));

        StringAssert.Contains(exception.Message, "Add the package that has them to the application's project: dotnet add package Microsoft.ML.DnnImageFeaturizer.ResNet18");
        Assert.AreEqual(Path.Combine(folder.Path, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx"), exception.FileName);
    }

    /// <summary>Real photographs through the package's own preprocessing and ONNX Runtime, and through ours (<see cref="SharedData"/>, <c>photos</c>).</summary>
    [TestMethod]
    public void ImageNet_MeanByChannelInPlaceOfTheMeanImage_LosesNoAccuracy()
    {
        RequirePackage();
        string photos = SharedData.Folder("photos");
        var (trainImages, trainLabels) = Load(Path.Combine(photos, "train"), every: 2);
        var (testImages, testLabels) = Load(Path.Combine(photos, "test"), every: 1);
        ResNetWeights weights = ResNetWeights.ImageNet();
        using ResidualNetwork network = Build(weights);
        using var session = new InferenceSession(Path.Combine(Folder, "ResNet18Onnx", "ResNet18.onnx"));
        float[] mean = ImageNetWeights.Mean(Path.Combine(Folder, "ResNetPrepOnnx", "ResNetPreprocess.onnx")).ToSingle();
        float[] Theirs(byte[] image) => Run(session, Planar(image, (value, channel, pixel) => value - mean[((2 - channel) * Size * Size) + pixel], reverse: true));
        float[] Ours(byte[] image)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            Tensor input = tensor(Planar(image, (value, channel, _) => value - (weights.Preprocessing!.Mean[channel] * 255), reverse: false), [1, 3, Size, Size]);
            return network.Features(input).data<float>().ToArray();
        }

        float[][] theirTraining = [.. trainImages.Select(Theirs)], ourTraining = [.. trainImages.Select(Ours)];
        float[][] theirTest = [.. testImages.Select(Theirs)], ourTest = [.. testImages.Select(Ours)];
        double cosine = theirTest.Zip(ourTest, Cosine).Average(), least = theirTest.Zip(ourTest, Cosine).Min();
        double theirAccuracy = CentroidAccuracy(theirTraining, trainLabels, theirTest, testLabels), ourAccuracy = CentroidAccuracy(ourTraining, trainLabels, ourTest, testLabels);
        Console.WriteLine(FormattableString.Invariant($"cosine mean {cosine:F5}, least {least:F5}; nearest-centroid accuracy {theirAccuracy:F3} with the mean image, {ourAccuracy:F3} with its average"));

        Assert.IsGreaterThan(0.99, least);
        Assert.IsGreaterThanOrEqualTo(theirAccuracy - 0.015, ourAccuracy);
    }

    private static void RequirePackage()
    {
        if (!Directory.Exists(Folder))
        {
            Assert.Inconclusive($"The files of the package {ImageNetWeights.Package} are not in '{Folder}'.");
        }
    }

    private static ResidualNetwork Build(ResNetWeights weights)
    {
        var network = new ResidualNetwork(weights.Specification, 3, 1, seed: 1);
        WeightTransfer.CopyTo(weights, network, includeHead: false);
        network.eval();
        return network;
    }

    private static float[] Run(InferenceSession session, Memory<float> image)
    {
        var input = new DenseTensor<float>(image, [1, 3, Size, Size]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames[0], input)]);
        return [.. results[0].AsEnumerable<float>()];
    }

    /// <summary>Relative to the largest feature: float32 sums in another order.</summary>
    private static void AssertClose(float[] expected, Tensor actual)
    {
        float scale = expected.Max(Math.Abs);
        float[] values = actual.data<float>().ToArray();
        Assert.HasCount(expected.Length, values);
        Assert.IsGreaterThan(0.1f, scale);
        Assert.IsLessThan(1e-4f, expected.Zip(values, (a, b) => Math.Abs(a - b)).Max() / scale);
    }

    private static (byte[][] Images, int[] Labels) Load(string folder, int every)
    {
        var preprocessor = new ImagePreprocessor(Size, Size, 256, ImageFit.ShortSideCrop);
        List<byte[]> images = [];
        List<int> labels = [];
        string[] classes = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)];
        foreach (var (path, label) in classes.SelectMany((name, label) => Directory.GetFiles(name).Order(StringComparer.Ordinal).Where((_, i) => i % every == 0).Select(path => (path, label))))
        {
            byte[] pixels = new byte[preprocessor.OutputLength];
            preprocessor.LoadFile(path, pixels);
            images.Add(pixels);
            labels.Add(label);
        }

        return ([.. images], [.. labels]);
    }

    private static float[] Planar(byte[] image, Func<float, int, int, float> normalize, bool reverse)
    {
        float[] planar = new float[image.Length];
        for (int i = 0; i < image.Length; i++)
        {
            int channel = i % 3, pixel = i / 3;
            planar[((reverse ? 2 - channel : channel) * Size * Size) + pixel] = normalize(image[i], channel, pixel);
        }

        return planar;
    }

    private static double CentroidAccuracy(float[][] training, int[] trainLabels, float[][] test, int[] testLabels)
    {
        float[][] centroids = [.. Enumerable.Range(0, trainLabels.Max() + 1).Select(label => Sum(training.Where((_, i) => trainLabels[i] == label)))];
        int correct = 0;
        for (int i = 0; i < test.Length; i++)
        {
            correct += Enumerable.Range(0, centroids.Length).MaxBy(label => Cosine(test[i], centroids[label])) == testLabels[i] ? 1 : 0;
        }

        return (double)correct / test.Length;
    }

    /// <summary>The sum of vectors of length one.</summary>
    private static float[] Sum(IEnumerable<float[]> vectors)
    {
        float[] sum = [];
        foreach (float[] vector in vectors)
        {
            double norm = Math.Sqrt(vector.Sum(value => (double)value * value));
            sum = sum.Length == 0 ? new float[vector.Length] : sum;
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += (float)(vector[i] / norm);
            }
        }

        return sum;
    }

    private static double Cosine(float[] a, float[] b)
    {
        double product = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            (product, squareA, squareB) = (product + ((double)a[i] * b[i]), squareA + ((double)a[i] * a[i]), squareB + ((double)b[i] * b[i]));
        }

        return product / Math.Sqrt(squareA * squareB);
    }
}
