using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Loss and accuracy of a network over a whole set, computed as the trained classifier will score: same preprocessing, kernels and precision.</summary>
internal static class Evaluation
{
    /// <summary>Evaluates the network and leaves it in evaluation mode.</summary>
    /// <param name="scoring">How the classifier will score; its device has the network.</param>
    public static ValidationResult Run(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, int topK, Action checkCancelled)
    {
        (RunningMetrics metrics, long[] predicted) = Measure(network, images, scoring, topK, checkCancelled);
        return ValidationResult.Of(metrics, predicted, images.Labels, network.ClassCount);
    }

    /// <summary>The same of a set of which each rank evaluates a part.</summary>
    public static ValidationResult Run(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, int topK, Action checkCancelled, RankGroup ranks)
    {
        if (ranks.IsSingle)
        {
            return Run(network, images, scoring, topK, checkCancelled);
        }

        int[] mine = [.. Enumerable.Range(0, images.Count).Where(i => i % ranks.Size == ranks.Rank)];
        double[] values = new double[4 + images.Count];
        if (mine.Length > 0)
        {
            // A cancellation here would leave the other ranks waiting: it takes effect in the next step.
            (RunningMetrics part, long[] classes) = Measure(network, images.Subset(mine), scoring, topK, () => { });
            (values[0], values[1], values[2], values[3]) = (part.LossSum, part.CorrectCount, part.TopKCorrectCount, part.ImageCount);
            for (int i = 0; i < mine.Length; i++)
            {
                values[4 + mine[i]] = classes[i];
            }
        }

        ranks.Sum(values);
        var all = new RunningMetrics { LossSum = values[0], CorrectCount = (long)values[1], TopKCorrectCount = (long)values[2], ImageCount = (int)values[3] };
        return ValidationResult.Of(all, [.. values.Skip(4).Select(value => (long)value)], images.Labels, network.ClassCount);
    }

    private static (RunningMetrics Metrics, long[] Predicted) Measure(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, int topK, Action checkCancelled)
    {
        var metrics = new RunningMetrics();
        long[] predicted = new long[images.Count];
        ForEachBatch(network, images, scoring, checkCancelled, (logits, start) =>
        {
            Tensor labels = tensor([.. images.Labels.AsSpan(start, (int)logits.shape[0]).ToArray().Select(label => (long)label)], device: scoring.Device);
            logits.argmax(1).data<long>().CopyTo(predicted, start);
            metrics = metrics.With(nn.functional.cross_entropy(logits, labels).item<float>(), logits, labels, topK);
        });
        return (metrics, predicted);
    }

    /// <summary>The probabilities of all images, in their order. The network is left in evaluation mode.</summary>
    /// <param name="scoring">How the classifier will score; its device has the network.</param>
    /// <param name="views">The views of an image that it will average.</param>
    public static IReadOnlyList<float[]> Probabilities(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, ImageViews views, Action checkCancelled)
    {
        using var scope = NewDisposeScope();
        Tensor sum = zeros(images.Count, network.ClassCount);
        foreach (CropPosition crop in views.Crops)
        {
            ForEachBatch(network, images, scoring, checkCancelled, (logits, start) => sum.narrow(0, start, logits.shape[0]).AddInPlace(logits.cpu()), views with { Crops = [crop] });
        }

        return [.. sum.DivideInPlace(views.Crops.Count).softmax(1).data<float>().ToArray().Chunk(network.ClassCount)];
    }

    /// <param name="use">Takes the logits of a batch and the number of its first image, within a dispose scope.</param>
    /// <param name="view">The crop that is taken, and whether its mirror image counts; null: the centre alone.</param>
    private static void ForEachBatch(ResidualNetwork network, ImageDataset images, ScoringDevice scoring, Action checkCancelled, Action<Tensor, int> use, ImageViews? view = null)
    {
        ScalarType trained = network.ActivationType;
        try
        {
            network.eval();
            network.ActivationType = scoring.Type;
            using IScoringNetwork? prepared = scoring.PrepareRepeatable(network);
            ForEachBatch(batch => prepared?.Forward(batch) ?? network.forward(batch), images, scoring.Device, checkCancelled, use, view ?? ImageViews.Single);
        }
        finally
        {
            network.ActivationType = trained;
        }
    }

    private static void ForEachBatch(Func<Tensor, Tensor> forward, ImageDataset images, Device device, Action checkCancelled, Action<Tensor, int> use, ImageViews view)
    {
        using var batches = new OrderedBatches(images, device, (_, _, image, _, target) => Augmentation.Crop(image, images.Format, images.PixelSize, target, view.Crops[0]));
        batches.Begin(0);
        for (int start = 0, count; start < images.Count; start += count)
        {
            checkCancelled();
            using var inference = inference_mode();
            using var scope = NewDisposeScope();
            Tensor batch = batches.Take();
            count = (int)batch.shape[0];
            if (start + count < images.Count)
            {
                batches.Begin(start + count);
            }

            use(view.Logits(forward, batch), start);
        }
    }
}
