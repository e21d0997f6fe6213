using System.Globalization;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Fits the classifier of a network that is otherwise left as it is: features are computed once, then the head.</summary>
/// <param name="device">Computes the features, in float32.</param>
/// <param name="scoring">How the trained network will score, which is how it is validated.</param>
internal sealed class HeadFitting(
    ResidualNetwork network, LabeledImages images, TrainingSettings settings, ScoringDevice device, ScoringDevice scoring, TrainingHost host)
{
    /// <summary>Computes features and fits the head.</summary>
    /// <param name="views">The varied views of each image beside the plain one.</param>
    /// <param name="isAll">Whether this is the whole training, and reported as its only epoch.</param>
    /// <returns>The metrics of that epoch; none where a training follows.</returns>
    public IReadOnlyList<EpochMetrics> Run(int views, bool isAll)
    {
        network.eval();
        using var scope = NewDisposeScope();
        using IScoringNetwork? prepared = device.Prepare(network);
        Func<Tensor, Tensor> compute = prepared is null ? network.Features : prepared.Features;
        var extraction = new FeatureExtraction(
            compute,
            device.Device,
            (done, total) =>
            {
                if (isAll && done < total)
                {
                    host.Report(Describe(done, total, new RunningMetrics()));
                }
            },
            host.CheckCancelled);
        TimeSpan began = host.Elapsed();
        Tensor features = extraction.Run(images.Training, settings.Augmentation, views, settings.Seed);
        TimeSpan extracted = host.Elapsed();
        double penalty = HeadTraining.Fit(
            network, features, images.Training.Labels, images.Weights, settings.WeightsByClass(images.Training.Labels, images.ClassCount), settings.LabelSmoothing, settings.Seed);
        host.Inform(string.Create(
            CultureInfo.InvariantCulture,
            $"Computed {features.shape[0]} x {features.shape[1]} features in {(extracted - began).TotalSeconds:F1} s and fitted the classifier to them in {(host.Elapsed() - extracted).TotalSeconds:F1} s, penalty {penalty}."));
        if (!isAll)
        {
            return [];
        }

        EpochMetrics metrics = Measured(features);
        host.Report(metrics);
        return [metrics];
    }

    private EpochMetrics Measured(Tensor features)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        int topK = Math.Min(settings.TopK, images.ClassCount), count = (int)features.shape[0];
        RunningMetrics training = Over(features.narrow(0, 0, images.Training.Count), images.Training.Labels, topK);
        EpochMetrics metrics = Describe(count, count, training) with { TopK = topK, TrainingTopKAccuracy = training.TopKAccuracy, ImageCount = images.Training.Count };
        if (images.Validation is not { } validation)
        {
            return metrics;
        }

        ValidationResult result = Evaluation.Run(network, validation, scoring, topK, host.CheckCancelled);
        return metrics with
        {
            ValidationLoss = result.Loss,
            ValidationAccuracy = result.Accuracy,
            ValidationTopKAccuracy = result.TopKAccuracy,
            ValidationMacroAccuracy = result.MacroAccuracy,
            BestEpoch = 1,
            BestValidationMetric = result.Value(settings.ValidationMetric),
            Elapsed = host.Elapsed(),
        };
    }

    private RunningMetrics Over(Tensor features, int[] labels, int topK)
    {
        Dictionary<string, Tensor> state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);
        Tensor logits = nn.functional.linear(features.to(device.Device), state["fc.weight"], state["fc.bias"]);
        Tensor classes = tensor(labels.Select(label => (long)label).ToArray(), device: device.Device);
        return new RunningMetrics().With(nn.functional.cross_entropy(logits, classes).item<float>(), logits, classes, topK);
    }

    private EpochMetrics Describe(int done, int total, RunningMetrics metrics)
    {
        TimeSpan elapsed = host.Elapsed();
        return new EpochMetrics
        {
            Epoch = 1,
            EpochCount = 1,
            Batch = done,
            BatchCount = total,
            Step = 0,
            ImageCount = metrics.ImageCount,
            TrainingLoss = metrics.Loss,
            TrainingAccuracy = metrics.Accuracy,
            LearningRate = 0,
            ImagesPerSecond = done / elapsed.TotalSeconds,
            Elapsed = elapsed,
            Remaining = elapsed * ((double)(total - done) / done),
        };
    }
}
