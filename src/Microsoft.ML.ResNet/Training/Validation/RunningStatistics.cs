using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Estimates the running statistics of batch normalisation anew, for the weights as they are (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", call it PreciseBN). The moving averages of training lag
/// behind weights that still change fast: a network of the first epochs, evaluated by them, looks far worse than it is.
/// </summary>
internal static class RunningStatistics
{
    private const int BatchCount = 4, BatchSize = 32;

    /// <summary>The most images of an estimate.</summary>
    public const int MostImages = BatchCount * BatchSize;

    /// <summary>The share that a batch has in a moving average: from statistics of zero, a forward pass leaves so much of the batch's.</summary>
    private const double Momentum = ConvolutionNorm.Momentum;

    /// <summary>Whether an entry of a network's state is a running mean or variance.</summary>
    public static bool IsStatistic(string name) => name.Contains(".running_", StringComparison.Ordinal);

    /// <summary>Replaces the statistics by those of some images, cut as scoring cuts them. Those of frozen stages stay; where all are frozen no image is read. The network is left in training mode.</summary>
    /// <param name="images">What to choose from, each class by its share.</param>
    public static void Estimate(ResidualNetwork network, ImageDataset images, Device device, long seed, Action checkCancelled)
    {
        network.train();
        if (!network.StateEntries.Any(entry => IsStatistic(entry.Name) && !network.IsFrozen(entry.Name)))
        {
            return;
        }

        int size = Math.Min(BatchSize, images.Count), count = Math.Min(BatchCount, images.Count / size);
        ImageDataset sample = images.Subset(StratifiedSample.Of(images.Labels, size * count, seed));
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        (Tensor Tensor, Tensor Before)[] buffers = [.. network.StateEntries.Where(entry => IsBuffer(entry.Name) && !network.IsFrozen(entry.Name)).Select(entry => (entry.Tensor, entry.Tensor.clone()))];
        (Tensor Tensor, Tensor Sum, Tensor? Squares)[] statistics =
        [
            .. network.StateEntries.Where(entry => IsStatistic(entry.Name) && !network.IsFrozen(entry.Name)).Select(entry => (entry.Tensor, zeros_like(entry.Tensor), entry.Name.EndsWith("mean", StringComparison.Ordinal) ? zeros_like(entry.Tensor) : null)),
        ];
        try
        {
            using var batches = new OrderedBatches(sample, device, (_, _, image, _, target) => Augmentation.CropCentre(image, sample.Format, sample.PixelSize, target), size);
            batches.Begin(0);
            for (int start = 0; start < sample.Count; start += size)
            {
                checkCancelled();
                using var batch = NewDisposeScope();
                Tensor input = batches.Take();
                if (start + size < sample.Count)
                {
                    batches.Begin(start + size);
                }

                Add(network, input, statistics, 1.0 / count);
            }
        }
        finally
        {
            Restore(buffers);
        }

        foreach (var (tensor, sum, _) in statistics)
        {
            tensor.copy_(sum);
        }

        AddVarianceOfMeans(statistics);
    }

    private static bool IsBuffer(string name) => IsStatistic(name) || name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    /// <summary>Adds the statistics of a batch. Those in the network go.</summary>
    private static void Add(ResidualNetwork network, Tensor input, (Tensor Tensor, Tensor Sum, Tensor? Squares)[] statistics, double share)
    {
        foreach (var (tensor, _, _) in statistics)
        {
            tensor.zero_();
        }

        network.forward(input);
        foreach (var (tensor, sum, squares) in statistics)
        {
            sum.AddInPlace(tensor, share / Momentum);
            squares?.AddProductInPlace(tensor, tensor, share / (Momentum * Momentum));
        }
    }

    private static void Restore((Tensor Tensor, Tensor Before)[] buffers)
    {
        foreach (var (tensor, before) in buffers)
        {
            tensor.copy_(before);
        }
    }

    /// <summary>The variance of all images is the mean of the batches' variances, and the variance of their means.</summary>
    private static void AddVarianceOfMeans((Tensor Tensor, Tensor Sum, Tensor? Squares)[] statistics)
    {
        // A layer's mean comes before its variance.
        for (int i = 0; i + 1 < statistics.Length; i += 2)
        {
            Tensor mean = statistics[i].Tensor, squares = statistics[i].Squares!;
            squares.AddProductInPlace(mean, mean, -1);
            statistics[i + 1].Tensor.AddInPlace(squares.relu());
        }
    }
}
