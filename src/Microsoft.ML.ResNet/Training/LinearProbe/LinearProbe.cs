using System.Globalization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Fits the classifier of a network that is otherwise left as it is: features are computed once, then the head.</summary>
/// <param name="device">Computes the features, in float32.</param>
/// <param name="scoring">How the trained network will score, which is how it is validated.</param>
internal sealed class LinearProbe(
    ResidualNetwork network, LabeledImages images, TrainingSettings settings, ScoringDevice device, ScoringDevice scoring, TrainingCallbacks host)
{
    /// <summary>The share of a limited time that is used where this is the whole training, and where a training of all layers follows.</summary>
    private const double ShareOfAll = 0.95, ShareOfBeginning = 0.3;

    /// <summary>The share of that which features may take; the fit has the rest.</summary>
    private const double ShareOfFeatures = 0.7;

    /// <summary>The time that the features of all images took, on average of their views.</summary>
    public TimeSpan TimeOfView { get; private set; }

    /// <summary>Whether the time limit left images or views out.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Whether the fit was cancelled before its end, and the head is what it had come to: with <see cref="CancellationHandling.ReturnBest"/>.</summary>
    public bool IsCancelled { get; private set; }

    /// <summary>Computes features and fits the head, within the time limit: each class has one image in any case.</summary>
    /// <param name="views">The varied views of each image beside the plain one.</param>
    /// <param name="isAll">Whether this is the whole training, and reported as its only epoch.</param>
    /// <param name="isMeasured">Whether the metrics are wanted although a training may follow.</param>
    /// <returns>The metrics of that epoch; none where a training follows and they aren't wanted.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public IReadOnlyList<EpochMetrics> Run(int views, bool isAll, bool isMeasured = false)
    {
        network.eval();
        using var scope = NewDisposeScope();
        using IScoringNetwork? prepared = device.PrepareRepeatable(network);
        Func<Tensor, Tensor> compute = images => prepared?.Features(images) ?? network.Features(images);
        var extraction = new FeatureExtraction(
            compute,
            device.Device,
            (done, total) =>
            {
                if (done < total)
                {
                    host.Report(Describe(done, total, new RunningMetrics()));
                }
            },
            host.CheckCancelled);
        TimedValidation? validation = isAll && images.Validation is { } all ? Validation(all) : null;
        TimeSpan began = host.Elapsed();
        TimeSpan? left = settings.MaxTrainingTime is { } limit ? Max((limit - began - (validation?.Duration ?? TimeSpan.Zero)) * (isAll ? ShareOfAll : ShareOfBeginning), TimeSpan.Zero) : null;
        ImageDataset training = images.Training;
        int[] rows = left is null ? [.. Enumerable.Range(0, training.Count)] : StratifiedSample.InOrder(training.Labels, settings.Seed);
        ExtractedFeatures features = extraction.Run(
            training.Subset(rows), settings.Augmentation, views, settings.Seed, rows, left is null ? null : () => host.Elapsed() - began >= left * ShareOfFeatures, least: images.ClassCount);
        TimeSpan extracted = host.Elapsed();
        TimeOfView = (extracted - began) * ((double)training.Count / features.Tensor.shape[0]);
        IsCut = features.ImageCount < training.Count || features.Views < views;
        (rows, features) = InRowOrder(rows[..features.ImageCount], features);
        int[] labels = [.. rows.Select(row => training.Labels[row])];
        WarnOfCut(features, views);
        RequireFinite(features);
        double penalty = LinearProbeFit.Fit(
            network,
            features.Tensor,
            labels,
            images.Weights is { } weights ? [.. rows.Select(row => weights[row])] : null,
            settings.WeightsByClass(training.Labels, images.ClassCount),
            settings.LabelSmoothing,
            settings.Seed,
            share => Stops() || (left is { } time && host.Elapsed() - extracted >= (time - (extracted - began)) * share));
        host.Inform(string.Create(
            CultureInfo.InvariantCulture,
            $"Computed {features.Tensor.shape[0]} x {features.Tensor.shape[1]} features in {(extracted - began).TotalSeconds:F1} s and fitted the classifier to them in {(host.Elapsed() - extracted).TotalSeconds:F1} s, penalty {penalty}."));
        if (!isAll && !isMeasured)
        {
            return [];
        }

        EpochMetrics metrics = Measured(features, labels, IsCancelled ? null : validation?.Images ?? images.Validation);
        if (isAll)
        {
            host.Report(metrics);
        }

        return [metrics];
    }

    /// <summary>Whether the fit is to end with what it has come to, as it is cancelled.</summary>
    private bool Stops()
    {
        try
        {
            host.CheckCancelled();
        }
        catch (OperationCanceledException) when (settings.CancellationHandling == CancellationHandling.ReturnBest)
        {
            IsCancelled = true;
        }

        return IsCancelled;
    }

    /// <summary>Chooses the images to validate on within the time limit, if there is one.</summary>
    private TimedValidation Validation(ImageDataset all)
    {
        if (settings.MaxTrainingTime is not { } limit)
        {
            return new TimedValidation(all, TimeSpan.Zero);
        }

        TimedValidation chosen = TimedValidation.Choose(
            all, count: null, limit, settings.Seed, host, some => Evaluation.Run(network, some, scoring, Math.Min(settings.TopK, images.ClassCount), host.CheckCancelled));
        if (chosen.Images.Count < all.Count)
        {
            host.Inform($"MaxTrainingTime leaves no time to validate on all {all.Count} images: the classifier is validated on {chosen.Images.Count} of them, each class by its share.");
        }

        return chosen;
    }

    private static void RequireFinite(ExtractedFeatures features)
    {
        if (!features.Tensor.isfinite().all().item<bool>())
        {
            throw new InvalidOperationException(
                "The features of some images are NaN or infinite, so that no classifier can be fitted to them. The weights that the training starts from are not finite, or pixel values are far out of the range that PixelRange says: check both.");
        }
    }

    private void WarnOfCut(ExtractedFeatures features, int views)
    {
        if (features.ImageCount < images.Training.Count)
        {
            host.Warn($"MaxTrainingTime left time for the features of {features.ImageCount} of {images.Training.Count} images: the classifier is fitted to these, each class by its share. Raise MaxTrainingTime to use all.");
        }
        else if (features.Views < views)
        {
            host.Inform($"MaxTrainingTime left time for {features.Views} of the {views} FeatureViews of each image.");
        }
    }

    private EpochMetrics Measured(ExtractedFeatures features, int[] labels, ImageDataset? validation)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        int topK = Math.Min(settings.TopK, images.ClassCount), count = (int)features.Tensor.shape[0];
        RunningMetrics training = Over(features.Tensor.narrow(0, 0, features.ImageCount), labels, topK);
        EpochMetrics metrics = Describe(count, count, training) with { TopK = topK, TrainingTopKAccuracy = training.TopKAccuracy, ImageCount = features.ImageCount };
        if (validation is null)
        {
            return metrics;
        }

        ValidationResult result;
        try
        {
            result = Evaluation.Run(network, validation, scoring, topK, host.CheckCancelled);
        }
        catch (OperationCanceledException) when (settings.CancellationHandling == CancellationHandling.ReturnBest)
        {
            return metrics;
        }

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

    /// <summary>As the data has them, so that a limit that leaves time for all changes nothing.</summary>
    private static (int[] Rows, ExtractedFeatures Features) InRowOrder(int[] rows, ExtractedFeatures features)
    {
        int[] places = [.. Enumerable.Range(0, rows.Length)];
        Array.Sort((int[])rows.Clone(), places);
        long[] all = [.. Enumerable.Range(0, 1 + features.Views).SelectMany(view => places.Select(place => ((long)view * rows.Length) + place))];
        return ([.. rows.Order()], features with { Tensor = features.Tensor.index_select(0, tensor(all)) });
    }

    private static TimeSpan Max(TimeSpan first, TimeSpan second) => first > second ? first : second;

    private RunningMetrics Over(Tensor features, int[] labels, int topK)
    {
        Dictionary<string, Tensor> state = network.StateByName();
        Tensor logits = nn.functional.linear(features.to(device.Device), state[Head.WeightName], state[Head.BiasName]);
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
