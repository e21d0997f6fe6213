using System.Globalization;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Fine-tunes a network whose classifier is new: fits the classifier, then trains all layers, and returns the point between the two (in weight
/// space, as WiSE-FT does; Wortsman et al. 2022) that is best on images that neither has seen. These are the validation set or, where there is
/// none, a part of a small training set that a trial is run without, so that the whole set is then trained on as the trial found best; or a small part of a large
/// one, which is not trained on. The network of a trial isn't lost: its weights and those of the training on the whole set are averaged (a "model soup"; Wortsman et al. 2022)
/// before the point between is taken.
/// </summary>
/// <param name="features">Computes features for the classifier, in float32.</param>
/// <param name="scoring">How the trained network will score, which is how it is validated.</param>
/// <param name="checkpoints">Where to save the state, and the fitted classifier, or null.</param>
internal sealed partial class FineTuning(
    ResidualNetwork network, LabeledImages images, TrainingSettings settings, ScoringDevice features, ScoringDevice scoring, TrainingCallbacks host, CheckpointFolder? checkpoints)
{
    /// <summary>The training images below which a trial is run: its time is that of a second training, and a larger set can do without some of its images.</summary>
    public const int LargestTrial = 2000;

    /// <summary>The fraction of each class that a trial holds out.</summary>
    private const double HeldOutFraction = 0.2;

    /// <summary>The held-out images below which nothing can be told from them: with 10 of CIFAR-10, fine-tuning seemed better and was seven points worse.</summary>
    private const int FewestHeldOut = 30;

    /// <summary>The training loss, relative to the trial's, above which the training has gone otherwise than the trial.</summary>
    private const double SpoiledLoss = 2;

    /// <summary>The fraction of the remaining time that a trial may take.</summary>
    private const double TrialTime = 0.35;

    /// <summary>The second trial's learning rate, relative to the first one's.</summary>
    private const double LowerRate = 0.2;

    /// <summary>
    /// The trial's part in the mean of its network and the final one. Of 240 photographs in five folds, 10 epochs, half of it had a log-loss of 0.419 and none 0.433, at an accuracy of 0.873;
    /// lower log-losses, too, on three splits of drawings.
    /// </summary>
    private const double TrialPart = 0.5;

    /// <summary>The fraction of a large set that is held out, and the images that are enough for it.</summary>
    private const double HeldOutOfLarge = 0.05;

    private const int FewestOfLarge = 200, MostOfLarge = 1000;

    /// <summary>The fraction of the remaining time that the comparison after the training may take.</summary>
    private const double ComparisonTime = 0.25;

    private static readonly double[] s_between = [0.25, 0.5, 0.75];

    /// <summary>Fits the classifier, trains all layers and leaves the result in the network.</summary>
    /// <param name="views">The varied views of each image that the classifier is fitted to.</param>
    /// <returns>The metrics of each epoch.</returns>
    public IReadOnlyList<EpochMetrics> Run(int views)
    {
        using BestWeights start = new(), tried = new();
        FineTuningStart? resumed = checkpoints?.ResumeStart(network, start, tried);
        FineTuningStart began = resumed ?? new FineTuningStart();
        if (resumed is null && checkpoints is { WillResume: true })
        {
            host.Warn($"The checkpoint in '{checkpoints.Path}' has no start.checkpoint: fine-tuning ends without a comparison with the fitted classifier.");
            return Train(network, images, settings, checkpoints);
        }

        if (resumed is not null)
        {
            network.CopyStateFrom(start.Entries!);
        }
        else if (NeedsTrial())
        {
            // Of a limited time the classifier, which is the result where there is no more, has the first part.
            IReadOnlyList<EpochMetrics>? fitted = null;
            if (settings.MaxTrainingTime is not null && CanTell())
            {
                LinearProbe probe = Probe(network, images, settings);
                fitted = probe.Run(views, isAll: false, isMeasured: true);
                start.Keep(network);
                if (probe.IsCancelled)
                {
                    return Classifier(fitted);
                }

                if (!IsTimeToTry(probe))
                {
                    host.Inform("MaxTrainingTime leaves no time to try whether fine-tuning all layers helps: the classifier alone is fitted, as HeadOnly does. Raise MaxTrainingTime to have it tried.");
                    return probe.IsCut && Remaining() > AgainTime * probe.TimeOfView
                        ? Probe(network, images, settings).Run(views, isAll: true)
                        : Classifier(fitted);
                }
            }

            Choice choice = Try(views, tried);
            if (choice.IsCancelled)
            {
                if (start.Entries is { } classifier)
                {
                    network.CopyStateFrom(classifier);
                }

                network.eval();
                return [];
            }

            if (choice.Share == 0)
            {
                return fitted is null ? Probe(network, images, settings).Run(views, isAll: true) : Classifier(fitted);
            }

            began = new FineTuningStart { RateScale = choice.RateScale, Share = choice.Share, TrainingLoss = choice.TrainingLoss };
        }

        if (images.Validation is null && images.Training.Count >= LargestTrial)
        {
            return RunWithoutSome(views, start, resumed);
        }

        if (resumed is null)
        {
            if (start.Entries is null)
            {
                LinearProbe probe = Probe(network, images, settings);
                probe.Run(views, isAll: false);
                start.Keep(network);
                if (probe.IsCancelled)
                {
                    return Classifier([]);
                }
            }

            SaveStart(began, start, tried);
        }

        IReadOnlyList<EpochMetrics> history = Train(network, images, settings with { LearningRate = settings.LearningRate * began.RateScale }, checkpoints);
        if (images.Validation is not null)
        {
            Interpolate(start, images, comparedBefore: null);
        }
        else if (began.Share < 1 || began.TrainingLoss is not null)
        {
            using var end = new BestWeights();
            end.Keep(network);
            bool isSpoiled = history.Count > 0 && history[^1].TrainingLoss > Math.Max(SpoiledLoss * began.TrainingLoss ?? double.MaxValue, Math.Log(images.ClassCount) / 2);
            if (!isSpoiled && tried.Entries is not null)
            {
                Move(network, end, tried, TrialPart);
                end.Keep(network);
            }

            Move(network, start, end, isSpoiled ? 0 : began.Share);
            if (isSpoiled)
            {
                host.Warn(string.Create(CultureInfo.InvariantCulture, $"Fine-tuning all layers ended at a training loss of {history[^1].TrainingLoss:F3}, in the trial at {began.TrainingLoss:F3}: the classifier alone is taken, as HeadOnly fits it. Lower LearningRate."));
            }
        }

        return history;
    }

    /// <summary>Trains on most of a large set, and takes the point between classifier and end that is best on the rest.</summary>
    /// <param name="start">The network with its fitted classifier, where the training is resumed.</param>
    /// <param name="resumed">What was decided then, or null.</param>
    private IReadOnlyList<EpochMetrics> RunWithoutSome(int views, BestWeights start, FineTuningStart? resumed)
    {
        int count = Math.Clamp((int)(images.Training.Count * HeldOutOfLarge), FewestOfLarge, MostOfLarge);
        var (training, heldOut) = StratifiedSplit.Of(images.Training.Labels, (double)count / images.Training.Count, settings.Seed);
        LabeledImages set = Split(training, heldOut), trained = set with { Validation = null };
        bool isCompared = heldOut.Length >= FewestHeldOut;
        if (resumed is null)
        {
            LinearProbe probe = Probe(network, trained, settings);
            probe.Run(views, isAll: false);
            start.Keep(network);
            if (probe.IsCancelled)
            {
                return Classifier([]);
            }

            try
            {
                resumed = isCompared ? Held(set, heldOut.Length) : new FineTuningStart();
            }
            catch (OperationCanceledException) when (settings.CancellationHandling == CancellationHandling.ReturnBest)
            {
                return Classifier([]);
            }

            SaveStart(resumed, start);
        }

        if (isCompared && resumed.Classifier is null)
        {
            throw new InvalidDataException($"Can't resume from checkpoint '{checkpoints?.StartPath}': it has no metrics of the fitted classifier. Set ResumeFromCheckpoint to false to start over.");
        }

        if (!isCompared)
        {
            // Of many classes with few images each none can be spared.
            return Train(network, images, settings, checkpoints);
        }

        // By the limit of this call: a resumed training may have another.
        TimeSpan? end = settings.MaxTrainingTime is { } limit ? limit - Shorter(resumed.Comparison, (limit - host.Elapsed()) * ComparisonTime) : null;
        IReadOnlyList<EpochMetrics> history = Train(network, trained, settings with { MaxTrainingTime = end }, checkpoints);
        Interpolate(start, set, new Candidate(0, resumed.Classifier!));
        return history;
    }

    /// <summary>Evaluates the fitted classifier on the held-out part, and tells how long the comparison will take.</summary>
    private FineTuningStart Held(LabeledImages set, int heldOut)
    {
        host.Inform($"{heldOut} of the {images.Training.Count} training images are held out, to tell at the end how far to fine-tune. Give a ValidationSet to have all trained on.");
        TimeSpan began = host.Elapsed();
        ValidationResult classifier = Evaluate(network, set, host.CheckCancelled);
        return new FineTuningStart { Classifier = classifier, Comparison = (host.Elapsed() - began) * (s_between.Length + 1) };
    }

    private LabeledImages Split(int[] training, int[] heldOut) => new(
        images.Training.Subset(training), images.Weights is { } weights ? [.. training.Select(row => weights[row])] : null, images.Training.Subset(heldOut), images.ClassCount);

    /// <summary>The shorter of two times, or none where one is over.</summary>
    private static TimeSpan Shorter(TimeSpan first, TimeSpan second) => TimeSpan.FromTicks(Math.Max(0, Math.Min(first.Ticks, second.Ticks)));

    /// <summary>Finds the learning rate and the share of fine-tuning that are best on images that the trial holds out.</summary>
    /// <param name="tried">Gets the weights at the end of the trial that was best.</param>
    private Choice Try(int views, BestWeights tried)
    {
        var (training, heldOut) = StratifiedSplit.Of(images.Training.Labels, HeldOutFraction, settings.Seed);
        if (heldOut.Length < FewestHeldOut)
        {
            host.Inform($"{images.Training.Count} images are too few to tell whether fine-tuning all layers helps: the classifier alone is fitted, as HeadOnly does. Give a ValidationSet to have it tried.");
            return new Choice(RateScale: 1, Share: 0);
        }

        LabeledImages trial = Split(training, heldOut);
        using var begin = new BestWeights();
        begin.Keep(network);
        using var copy = new ResidualNetwork(network.Specification, network.InputChannels, network.ClassCount, seed: null);
        copy.to(scoring.Device);
        copy.ActivationType = network.ActivationType;
        copy.FreezesStatistics = network.FreezesStatistics;
        copy.FrozenStages = network.FrozenStages;
        copy.CopyStateFrom(begin.Entries!);
        host.Inform($"Trying on {training.Length} images how far to fine-tune, validated on {heldOut.Length} others.");
        TrainingSettings trialSettings = Limited(settings) with
        {
            EarlyStoppingPatience = null,
            RestoresBestWeights = false,
            CancellationHandling = CancellationHandling.Throw,

            // At least two images a batch, as the whole set has.
            AccumulateSteps = Math.Clamp(training.Length / 2, 1, settings.AccumulateSteps),
        };
        Probe(copy, trial, trialSettings, isTrial: true).Run(views, isAll: false);
        using var start = new BestWeights();
        start.Keep(copy);
        try
        {
            return Try(copy, trial, trialSettings, start, tried);
        }
        catch (OperationCanceledException) when (settings.CancellationHandling == CancellationHandling.ReturnBest)
        {
            host.Inform($"The training was cancelled in its trial; the classifier that was fitted to {training.Length} of the images is returned.");
            network.CopyStateFrom(start.Entries!);
            return new Choice(RateScale: 1, Share: 0) { IsCancelled = true };
        }
    }

    private Choice Try(ResidualNetwork copy, LabeledImages trial, TrainingSettings trialSettings, BestWeights start, BestWeights tried)
    {
        Choice best = TryRate(copy, trial, trialSettings, start, rateScale: 1, tried);
        if (best.Share < 0.5 && (settings.MaxTrainingTime is not { } limit || host.Elapsed() < limit))
        {
            copy.CopyStateFrom(start.Entries!);
            using var lowerEnd = new BestWeights();
            Choice lower = TryRate(copy, trial, Limited(trialSettings), start, LowerRate, lowerEnd);
            if (Candidate.Best([best.Evidence!, lower.Evidence!], trial.Validation!.Count, settings.ValidationMetric) == lower.Evidence)
            {
                best = lower;
                if (lowerEnd.Entries is { } entries)
                {
                    copy.CopyStateFrom(entries);
                    tried.Keep(copy);
                }
            }
        }

        host.Inform(best.Share == 0
            ? "Fine-tuning all layers was no better on the held-out images than the classifier alone: the classifier alone is fitted, as HeadOnly does."
            : string.Create(CultureInfo.InvariantCulture, $"Fine-tuning all layers was best at {best.RateScale:G2} of the learning rate, {best.Share:P0} of the way from the fitted classifier: held-out loss {best.Evidence!.Result.Loss:F4}, accuracy {best.Evidence.Result.Accuracy:P1}."));
        return best;
    }

    private Choice TryRate(ResidualNetwork copy, LabeledImages trial, TrainingSettings trialSettings, BestWeights start, double rateScale, BestWeights end)
    {
        double trainingLoss;
        try
        {
            trainingLoss = Train(copy, trial with { Validation = null }, trialSettings with { LearningRate = trialSettings.LearningRate * rateScale }, checkpoints: null, isTrial: true)[^1].TrainingLoss;
        }
        catch (InvalidOperationException exception)
        {
            // It diverged: at a lower rate it may not.
            host.Warn($"The trial of fine-tuning failed: {exception.Message}");
            copy.CopyStateFrom(start.Entries!);
            return new Choice(rateScale, Share: 0, new Candidate(0, Evaluate(copy, trial, host.CheckCancelled)));
        }

        end.Keep(copy);

        // Of equal ones the nearest to the fitted classifier.
        Candidate best = Candidate.Best(Candidates(copy, trial, start, host.CheckCancelled).OrderBy(candidate => candidate.Share), trial.Validation!.Count, settings.ValidationMetric);
        return new Choice(rateScale, best.Share, best, trainingLoss);
    }

    /// <summary>Takes the point between start and end that is best on the held-out images.</summary>
    /// <param name="set">The validation set, or the images held out, as its validation.</param>
    /// <param name="comparedBefore">The start, where it has been evaluated.</param>
    private void Interpolate(BestWeights start, LabeledImages set, Candidate? comparedBefore)
    {
        using var end = new BestWeights();
        end.Keep(network);
        try
        {
            host.CheckCancelled();
            Interpolate(start, end, set, comparedBefore);
        }
        catch (OperationCanceledException) when (settings.CancellationHandling == CancellationHandling.ReturnBest)
        {
            // The comparison leaves the network at any of its points.
            network.CopyStateFrom(end.Entries!);
            network.eval();
        }
    }

    private void Interpolate(BestWeights start, BestWeights end, LabeledImages set, Candidate? comparedBefore)
    {
        TimeSpan began = host.Elapsed();
        var whole = new Candidate(1, Evaluate(network, set, host.CheckCancelled));
        bool isTimeForAll = settings.MaxTrainingTime is not { } limit || host.Elapsed() + ((s_between.Length + 1) * (host.Elapsed() - began)) <= limit;
        if (!isTimeForAll && comparedBefore is null)
        {
            return;
        }

        List<Candidate> candidates = isTimeForAll ? Candidates(network, set, start, host.CheckCancelled, whole, comparedBefore) : [whole, comparedBefore!];
        Candidate best = Candidate.Best(candidates, set.Validation!.Count, settings.ValidationMetric);
        Move(network, start, end, best.Share);
        network.eval();
        if (best.Share < 1)
        {
            string kind = comparedBefore is null ? "validation" : "held-out";
            host.Inform(string.Create(CultureInfo.InvariantCulture, $"The weights {best.Share:P0} of the way from the fitted classifier to the end are taken: {kind} loss {best.Result.Loss:F4} for {whole.Result.Loss:F4}, accuracy {best.Result.Accuracy:P1} for {whole.Result.Accuracy:P1}."));
        }
    }

    /// <summary>Evaluates points from start to the network as it is, which is left at one of them.</summary>
    private List<Candidate> Candidates(ResidualNetwork tuned, LabeledImages set, BestWeights start, Action checkCancelled, Candidate? whole = null, Candidate? probe = null)
    {
        using var end = new BestWeights();
        end.Keep(tuned);
        List<Candidate> candidates = [whole ?? new Candidate(1, Evaluate(tuned, set, checkCancelled))];
        if (probe is not null)
        {
            candidates.Add(probe);
        }

        foreach (double share in probe is null ? [0, .. s_between] : s_between)
        {
            Move(tuned, start, end, share);
            candidates.Add(new Candidate(share, Evaluate(tuned, set, checkCancelled)));
        }

        return candidates;
    }

    private ValidationResult Evaluate(ResidualNetwork tuned, LabeledImages set, Action checkCancelled)
        => Evaluation.Run(tuned, set.Validation!, scoring, Math.Min(settings.TopK, set.ClassCount), checkCancelled);

    private static void Move(ResidualNetwork network, BestWeights start, BestWeights end, double share)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        network.CopyStateFrom(start.Entries!.Zip(end.Entries!, (from, to) => (from.Name, from.Tensor.is_floating_point() ? lerp(from.Tensor, to.Tensor, tensor((float)share)) : to.Tensor)));
    }

    private LinearProbe Probe(ResidualNetwork probed, LabeledImages set, TrainingSettings probeSettings, bool isTrial = false) => new(probed, set, probeSettings, features, scoring, HostOf(isTrial));

    private List<EpochMetrics> Train(ResidualNetwork trained, LabeledImages set, TrainingSettings loopSettings, CheckpointFolder? checkpoints, bool isTrial = false)
    {
        using var loop = new TrainingLoop(trained, set, loopSettings, scoring, HostOf(isTrial), checkpoints);
        try
        {
            return [.. loop.Run(evaluatesStart: !isTrial)];
        }
        catch (OperationCanceledException) when (loopSettings.CancellationHandling == CancellationHandling.ReturnBest)
        {
            // Before its first step: the network is as it came.
            trained.eval();
            return [];
        }
    }

    private TrainingCallbacks HostOf(bool isTrial) => isTrial ? host with { Report = metrics => host.Report(metrics with { IsTrial = true }) } : host;

    /// <summary>What a trial found.</summary>
    /// <param name="RateScale">What the learning rate is multiplied by.</param>
    /// <param name="Share">How far to go from the fitted classifier (0) to the end of fine-tuning (1).</param>
    /// <param name="TrainingLoss">The trial's, in its last epoch; null where there was none.</param>
    private sealed record Choice(double RateScale, double Share, Candidate? Evidence = null, double? TrainingLoss = null)
    {
        /// <summary>Whether the trial was cancelled, and its classifier is the result.</summary>
        public bool IsCancelled { get; init; }
    }

    /// <summary>A point between the fitted classifier and the end of fine-tuning, and its metrics.</summary>
    private sealed record Candidate(double Share, ValidationResult Result)
    {
        /// <summary>
        /// The one of the lowest loss among those whose accuracy is the highest or less than half a standard error below it: with few images accuracy is
        /// a coarse measure, and the loss tells more.
        /// </summary>
        public static Candidate Best(IEnumerable<Candidate> candidates, int imageCount, ValidationMetric metric)
        {
            // A network may be finite and its loss not.
            Candidate[] finite = [.. candidates.Where(candidate => double.IsFinite(candidate.Result.Loss))];
            if (finite.Length == 0)
            {
                return candidates.MinBy(candidate => candidate.Share)!;
            }

            if (metric == ValidationMetric.Loss)
            {
                return finite.MinBy(candidate => candidate.Result.Loss)!;
            }

            double highest = finite.Max(candidate => candidate.Result.Value(metric));
            double margin = 0.5 * Math.Sqrt(highest * (1 - highest) / imageCount);
            return finite.Where(candidate => candidate.Result.Value(metric) >= highest - margin).MinBy(candidate => candidate.Result.Loss)!;
        }
    }
}
