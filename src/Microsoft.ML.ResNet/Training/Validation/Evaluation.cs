using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
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
        ScalarType trained = network.ActivationType;
        try
        {
            network.eval();
            network.ActivationType = scoring.Type;
            using IScoringNetwork? prepared = scoring.Prepare(network);
            return Run(network, prepared, images, scoring.Device, topK, checkCancelled);
        }
        finally
        {
            network.ActivationType = trained;
        }
    }

    private static ValidationResult Run(ResidualNetwork network, IScoringNetwork? prepared, ImageDataset images, Device device, int topK, Action checkCancelled)
    {
        var metrics = new RunningMetrics();
        long[] predicted = new long[images.Count];
        using var batches = new OrderedBatches(images, device, (_, _, image, _, target) => Augmentation.CropCentre(image, images.Format, images.PixelSize, target));
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

            Tensor logits = prepared?.Forward(batch) ?? network.forward(batch);
            Tensor labels = tensor([.. images.Labels.AsSpan(start, count).ToArray().Select(label => (long)label)], device: device);
            logits.argmax(1).data<long>().CopyTo(predicted, start);
            metrics = metrics.With(nn.functional.cross_entropy(logits, labels).item<float>(), logits, labels, topK);
        }

        return ValidationResult.Of(metrics, predicted, images.Labels, network.ClassCount);
    }
}
