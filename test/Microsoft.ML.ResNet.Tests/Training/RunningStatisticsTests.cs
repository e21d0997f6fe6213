using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

/// <summary>The statistics of batch normalisation that a network is validated with are those of its weights.</summary>
[TestClass]
public sealed class RunningStatisticsTests
{
    private const int Side = 8, Count = 150;

    [TestMethod]
    public void Estimate_FirstLayer_HasMeanAndVarianceOfItsOutputs()
    {
        using ImageDataset images = Images();
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar }, 3, 2, seed: 1);
        Dictionary<string, Tensor> state = network.StateByName();
        state["bn1.num_batches_tracked"].fill_(7);

        RunningStatistics.Estimate(network, images, CPU, seed: 3, () => { });

        using var scope = NewDisposeScope();
        int[] sample = StratifiedSample.Of(images.Labels, 128, seed: 3);
        byte[] pixels = [.. sample.SelectMany(row => Pixels(row))];
        Tensor input = tensor(pixels.Select(value => value / 255f).ToArray()).reshape(128, Side, Side, 3).permute(0, 3, 1, 2);
        Tensor output = nn.functional.conv2d(input, state["conv1.weight"], padding: [1, 1]).detach();
        TensorAssert.AreClose(output.mean([0, 2, 3]), state["bn1.running_mean"], 1e-5f);
        TensorAssert.AreClose(output.var([0, 2, 3], unbiased: false), state["bn1.running_var"], 2e-2f * output.var().item<float>());
        Assert.AreEqual(7, state["bn1.num_batches_tracked"].item<long>());
    }

    [TestMethod]
    public void Estimate_Cancelled_LeavesTheNetworkAsItWas()
    {
        using ImageDataset images = Images();
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar }, 3, 2, seed: 1);
        float[][] before = State(network);
        int calls = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => RunningStatistics.Estimate(network, images, CPU, seed: 3, () =>
        {
            if (++calls == 3)
            {
                throw new OperationCanceledException();
            }
        }));

        float[][] after = State(network);
        Assert.HasCount(before.Length, after);
        for (int i = 0; i < before.Length; i++)
        {
            CollectionAssert.AreEqual(before[i], after[i]);
        }
    }

    [TestMethod]
    [DataRow(1, false)]
    [DataRow(2, true)]
    public void Estimate_FrozenStages_ReadsImagesForTheOthersAlone(int frozenStages, bool areAllFrozen)
    {
        using ImageDataset images = Images();
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1, 1], Widths = [16, 16], Stem = ResNetStem.Cifar }, 3, 2, seed: 1) { FrozenStages = frozenStages };
        float[][] before = State(network);
        int batches = 0;

        RunningStatistics.Estimate(network, images, CPU, seed: 3, () => batches++);

        Assert.AreEqual(areAllFrozen ? 0 : 4, batches);
        Assert.IsTrue(network.training);
        string[] changed = [.. network.StateEntries.Zip(State(network).Zip(before), (entry, values) => (entry.Name, IsSame: values.First.SequenceEqual(values.Second))).Where(entry => !entry.IsSame).Select(entry => entry.Name)];
        Assert.AreEqual(!areAllFrozen, changed.Length > 0);
        Assert.IsTrue(changed.All(name => name.StartsWith("layer2.", StringComparison.Ordinal) && RunningStatistics.IsStatistic(name)), string.Join(", ", changed));
    }

    /// <summary>
    /// Weights that change fast leave the moving averages of training behind: without the estimate the network of the first epochs does worse on the images that it is trained on than by chance.
    /// </summary>
    [TestMethod]
    public void Fit_FirstEpochs_ValidateTheNetworkAsItIs()
    {
        var context = new MLContext(1);
        IDataView data = Fashion(context);
        ResNetTrainer.Options options = Options(epochs: 6);
        options.ValidationSet = data;

        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

        foreach (EpochMetrics epoch in model.TrainingHistory)
        {
            Console.WriteLine($"{epoch.Epoch}: {epoch.TrainingLoss:F3} {epoch.ValidationLoss:F3}");
            Assert.IsLessThan(1.2 * epoch.TrainingLoss, epoch.ValidationLoss!.Value, $"Epoch {epoch.Epoch}.");
        }
    }

    /// <summary>After some steps the moving averages are still near where they began; a network that goes on from another has that one's.</summary>
    [TestMethod]
    public void Fit_FewSteps_GivesTheStatisticsOfItsWeights()
    {
        var context = new MLContext(1);
        IDataView data = Fashion(context);
        ResNetTrainer.Options options = Options(epochs: 1);
        using ResNetTransformer first = context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        double loss = LogLoss(first);

        Assert.IsLessThan(1.1 * first.TrainingHistory[^1].TrainingLoss, loss);

        // At a rate that changes nothing, the moving averages of another 32 steps don't either.
        options.LearningRate = 1e-6;
        options.Augmentation = AugmentationPreset.None;
        using ResNetTransformer second = context.MulticlassClassification.Trainers.ResNet(options).Fit(data, first);
        Assert.AreEqual(loss, LogLoss(second), 0.1 * loss);

        double LogLoss(ResNetTransformer model) => context.MulticlassClassification.Evaluate(model.Transform(data)).LogLoss;
    }

    private static ResNetTrainer.Options Options(int epochs) => new()
    {
        FeatureColumnName = "ImagePath",
        Specification = new ResNetSpecification { Depths = [2, 1], Widths = [16, 32], Stem = ResNetStem.Cifar },
        ImageSize = 16,
        LearningRate = 0.2,
        BatchSize = 64,
        Epochs = epochs,
    };

    private static IDataView Fashion(MLContext context)
    {
        IDataView images = context.Data.LoadImageFolder(Path.Combine(RepositoryPaths.Root, "samples", "data", "fashion-mnist", "train"));
        return context.Transforms.Conversion.MapValueToKey("Label").Fit(images).Transform(images);
    }

    private static float[][] State(ResidualNetwork network) => [.. network.StateEntries.Select(entry => entry.Tensor.to(ScalarType.Float32).data<float>().ToArray())];

    private static ImageDataset Images()
    {
        var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit: 1 << 24, Path.GetTempPath());
        for (int row = 0; row < Count; row++)
        {
            Pixels(row).CopyTo(cache.Add(Side, Side));
        }

        return new ImageDataset(new CachedImages(cache, Count), [.. Enumerable.Range(0, Count).Select(row => new ImageEntry(row, row % 2, 1))], InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0, 0, 0], [1, 1, 1]));
    }

    private static byte[] Pixels(int row)
    {
        byte[] pixels = new byte[Side * Side * 3];
        new Random(row).NextBytes(pixels);
        return pixels;
    }
}
