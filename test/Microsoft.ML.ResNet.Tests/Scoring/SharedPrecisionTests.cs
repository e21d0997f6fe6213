using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Weights;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Scoring;

/// <summary>
/// What bfloat16 changes in the scores of trained networks on real images (<see cref="SharedData"/>: <c>cifar10</c>, <c>photos</c>,
/// <c>checkpoints</c>). Processors without instructions for it compute the same, slowly.
/// </summary>
[TestClass]
public sealed class SharedPrecisionTests
{
    private const double Agreement = 0.99, Tolerance = 2e-2;

    [TestMethod]
    [DataRow("resnet20-12fca82f.th")]
    [DataRow("resnet56-4bfd9763.th")]
    public void Forward_CifarNetworkInBFloat16_GivesTheSameClasses(string file)
    {
        ResNetWeights weights = ResNetWeights.FromFile(Path.Combine(SharedData.Folder("checkpoints"), "real-cifar-resnet", file));
        using var network = new ResidualNetwork(weights.Specification, weights.InputChannels, weights.ClassCount!.Value, seed: 1);
        WeightTransfer.CopyTo(weights, network, includeHead: true);
        network.eval();
        var format = InputFormat.Of(32, 32, PixelRange.ZeroTo255, ImagePreprocessing.DefaultMean(3), ImagePreprocessing.DefaultStandardDeviation(3));
        using var input = new NetworkInput(format, CPU);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        byte[] pixels = [.. Directory.GetFiles(Path.Combine(SharedData.Folder("cifar10"), "test"), "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(Decode)];
        Tensor images = input.Create(pixels, pixels.Length / format.ByteCount);
        Tensor single = network.forward(images).softmax(1);
        network.ActivationType = ScalarType.BFloat16;
        Tensor half = network.forward(images).softmax(1);

        Assert.AreEqual(1000, images.shape[0]);
        AssertAlike([.. single.data<float>()], [.. half.data<float>()], 1000);
    }

    [TestMethod]
    public void WithScoringPrecision_PhotosInBFloat16_GivesTheSameClasses()
    {
        var context = new MLContext(1);
        IDataView training = context.Data.LoadImageFolder(Path.Combine(SharedData.Folder("photos"), "train"));
        IDataView test = context.Data.LoadImageFolder(Path.Combine(SharedData.Folder("photos"), "test"));
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            PretrainedWeights = ResNetWeights.ImageNet(),
            FineTuning = FineTuningMode.HeadOnly,
        }));
        using TransformerChain<ResNetTransformer> model = pipeline.Fit(training);
        using ResNetTransformer half = model.LastTransformer.WithScoringPrecision(context, ScoringPrecision.BFloat16);

        float[] expected = Scores(model.LastTransformer, test), actual = Scores(half, test);

        AssertAlike(expected, actual, 100);
    }

    private static float[] Scores(ResNetTransformer model, IDataView data)
        => [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private static byte[] Decode(string path)
    {
        using PixelImage image = ImageDecoder.DecodeFile(path);
        return image.Span.ToArray();
    }

    private static void AssertAlike(float[] expected, float[] actual, int rows)
    {
        int classes = expected.Length / rows;
        int[] expectedClasses = [.. expected.Chunk(classes).Select(Best)], actualClasses = [.. actual.Chunk(classes).Select(Best)];
        double same = expectedClasses.Zip(actualClasses, (a, b) => a == b ? 1.0 : 0).Average();
        double difference = Norm(expected.Zip(actual, (a, b) => (double)a - b)) / Norm(expected.Select(value => (double)value));
        Console.WriteLine(FormattableString.Invariant($"the same class for {same:P2} of {rows} images, difference of the scores {difference:G3}"));

        Assert.HasCount(rows, expectedClasses);
        Assert.IsGreaterThanOrEqualTo(Agreement, same);
        Assert.IsLessThan(Tolerance, difference);
        Assert.IsGreaterThan(0, difference, "as if it were float32");
    }

    private static int Best(float[] scores) => Array.IndexOf(scores, scores.Max());

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));
}
