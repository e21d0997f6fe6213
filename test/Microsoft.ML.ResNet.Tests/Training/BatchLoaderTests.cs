using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class BatchLoaderTests
{
    private const int Count = 22, BatchSize = 5, Side = 16;

    [TestMethod]
    [DataRow(2, 1)]
    [DataRow(5, 3)]
    public void Create_AnyThreadsAndDepth_GivesTheSameBits(int threads, int depth)
    {
        float[] expected = TwoEpochs(threads: 1, depth: 1, stopsAfter: -1, memoryLimit: 1 << 20);

        Assert.IsTrue(expected.AsSpan().SequenceEqual(TwoEpochs(threads, depth, stopsAfter: -1, memoryLimit: 1 << 20)));
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(3, 3)]
    public void Create_AfterStop_GoesOnWithTheSameBits(int threads, int depth)
    {
        float[] expected = TwoEpochs(threads: 1, depth: 1, stopsAfter: -1, memoryLimit: 1 << 20);

        Assert.IsTrue(expected.AsSpan().SequenceEqual(TwoEpochs(threads, depth, stopsAfter: 1, memoryLimit: 1 << 20)));
    }

    [TestMethod]
    public void Create_ImagesInTheTemporaryFile_GivesTheSameBitsToManyThreads()
    {
        float[] expected = TwoEpochs(threads: 1, depth: 1, stopsAfter: -1, memoryLimit: 1 << 30, side: 600);

        Assert.IsTrue(expected.AsSpan().SequenceEqual(TwoEpochs(threads: 4, depth: 2, stopsAfter: -1, memoryLimit: 0, side: 600)));
    }

    [TestMethod]
    public void ExpectedEpochs_FewerThanMixingNeeds_LeaveImagesAlone()
    {
        using ImageDataset images = Images(side: 24, memoryLimit: 1 << 20);
        TrainingSettings settings = TrainingDefaults.Resolve(new ResNetTrainer.Options { BatchSize = BatchSize, Epochs = 60 }, Side, Count, classWeights: null, seed: 3);
        var plan = new BatchPlan(Count, BatchSize);
        using var batches = new BatchLoader(images, weights: null, plan, settings, CPU);

        Assert.AreEqual((true, true), First(expectedEpochs: 60));
        Assert.AreEqual((false, false), First(expectedEpochs: 59));

        (bool First, bool Second) First(int expectedEpochs)
        {
            using var scope = NewDisposeScope();
            batches.ExpectedEpochs = expectedEpochs;
            batches.Shuffle(1);
            return (batches.Create(0).Mixing is not null, batches.Create(1).Mixing is not null);
        }
    }

    private static ImageDataset Images(int side, long memoryLimit) => new(
        new CachedImages(Cache(side, memoryLimit), Count),
        [.. Enumerable.Range(0, Count).Select(row => new ImageEntry(row, row % 2, 1))],
        InputFormat.Of(Side, Side, PixelRange.ZeroTo255, [0.5f, 0.4f, 0.3f], [0.2f, 0.3f, 0.4f]));

    private static float[] TwoEpochs(int threads, int depth, int stopsAfter, long memoryLimit, int side = 24)
    {
        using ImageDataset images = Images(side, memoryLimit);
        var options = new ResNetTrainer.Options { BatchSize = BatchSize, Augmentation = AugmentationPreset.Standard, RandomErasing = 0.5, TrivialAugment = true, MixUpAlpha = 0.2 };
        TrainingSettings settings = TrainingDefaults.Resolve(options, Side, Count, classWeights: null, seed: 3);
        var plan = new BatchPlan(Count, BatchSize);
        using var batches = new BatchLoader(images, [.. Enumerable.Range(0, Count).Select(row => 1f + row)], plan, settings, CPU, threads, depth);
        List<float> values = [];
        for (int epoch = 1; epoch <= 2; epoch++)
        {
            batches.Shuffle(epoch);
            for (int i = 0; i < plan.Count; i++)
            {
                using var scope = NewDisposeScope();
                TrainingBatch batch = batches.Create(i);
                values.AddRange(batch.Images.contiguous().data<float>());
                values.AddRange(batch.Labels.data<long>().Select(label => (float)label));
                values.AddRange(batch.Weights!.data<float>());
                values.AddRange(batch.Mixing!.Shares.data<float>());
                if (i == stopsAfter)
                {
                    batches.Stop();
                }
            }
        }

        Assert.HasCount(2 * Count * ((Side * Side * 3) + 3), values);
        return [.. values];
    }

    private static PixelCache Cache(int side, long memoryLimit)
    {
        var cache = new PixelCache(channels: 3, elementSize: 1, memoryLimit, Path.GetTempPath());
        var random = new Random(1);
        for (int i = 0; i < Count; i++)
        {
            random.NextBytes(cache.Add(side + i, side));
        }

        return cache;
    }
}
