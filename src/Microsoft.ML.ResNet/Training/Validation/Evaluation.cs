using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Loss and accuracy of a network over a whole set, computed as the trained classifier will score: same preprocessing, kernels and precision.</summary>
internal static class Evaluation
{
    /// <summary>The bytes of pixels in a batch, at most, and the images.</summary>
    private const int BatchBytes = 16 << 20, LargestBatch = 64;

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
        using var input = new NetworkInput(images.Format, device);
        InputFormat format = images.Format;
        int batchSize = Math.Min(Math.Clamp(BatchBytes / format.ByteCount, 1, LargestBatch), images.Count);
        byte[] pixels = GC.AllocateUninitializedArray<byte>(batchSize * format.ByteCount);
        var metrics = new RunningMetrics();
        long[] predicted = new long[images.Count];
        using var ahead = new PreparedAhead(images, device);
        for (int start = 0; start < images.Count; start += batchSize)
        {
            checkCancelled();
            int count = Math.Min(batchSize, images.Count - start);
            ahead.Wait(start, count);
            for (int i = 0; i < count; i++)
            {
                Augmentation.CropCentre(images[start + i], format, images.PixelSize, pixels.AsSpan(i * format.ByteCount, format.ByteCount));
            }

            ahead.Begin(start + count, Math.Min(batchSize, images.Count - start - count));
            using var inference = inference_mode();
            using var scope = NewDisposeScope();
            Tensor batch = input.Create(pixels, count);
            Tensor logits = prepared?.Forward(batch) ?? network.forward(batch);
            Tensor labels = tensor([.. images.Labels.AsSpan(start, count).ToArray().Select(label => (long)label)], device: device);
            logits.argmax(1).data<long>().CopyTo(predicted, start);
            metrics = metrics.With(nn.functional.cross_entropy(logits, labels).item<float>(), logits, labels, topK);
        }

        return ValidationResult.Of(metrics, predicted, images.Labels, network.ClassCount);
    }
}
