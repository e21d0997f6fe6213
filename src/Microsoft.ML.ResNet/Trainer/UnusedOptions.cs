namespace Microsoft.ML.ResNet.Trainer;

/// <summary>Options that were set and that this training does not use, or that contradict each other.</summary>
internal static class UnusedOptions
{
    private static readonly ResNetTrainer.Options s_defaults = new();

    /// <param name="options">As the user gave them.</param>
    /// <param name="start">The pretrained weights, or those of the fitted model, that the training starts from; null where it starts from scratch.</param>
    /// <param name="mode">How far it fine-tunes, or null.</param>
    /// <returns>A sentence for each reason, in which options are named that differ from their defaults.</returns>
    public static IEnumerable<string> Find(ResNetTrainer.Options options, ResNetWeights? start, FineTuningMode? mode)
    {
        if (options.HorizontalFlip == false && options.TestTimeAugmentation is TestTimeAugmentation.HorizontalFlip or TestTimeAugmentation.TenCrop)
        {
            yield return $"{nameof(options.TestTimeAugmentation)} is {options.TestTimeAugmentation}, but {nameof(options.HorizontalFlip)} is false: the model scores mirror images, which the training doesn't show it.";
        }

        if (options.ClassWeights is not null && options.ClassWeighting != ClassWeighting.None)
        {
            yield return $"{nameof(options.ClassWeighting)} has no effect beside {nameof(options.ClassWeights)}: the weights are those that are given.";
        }

        if (start is null)
        {
            string[] fineTuning = Changed(
                (nameof(options.FineTuning), options.FineTuning, null),
                (nameof(options.FeatureViews), options.FeatureViews is 0 ? null : options.FeatureViews, null),
                (nameof(options.BackboneLearningRateScale), options.BackboneLearningRateScale, s_defaults.BackboneLearningRateScale),
                (nameof(options.StageLearningRateDecay), options.StageLearningRateDecay, s_defaults.StageLearningRateDecay),
                (nameof(options.FrozenStages), options.FrozenStages, s_defaults.FrozenStages),
                (nameof(options.FreezeBatchNorm), options.FreezeBatchNorm, null));
            if (fineTuning.Length > 0)
            {
                yield return $"{Have(fineTuning)} no effect without {nameof(options.PretrainedWeights)}: the network is trained from scratch.";
            }
        }
        else if (options.Specification is null && options.Architecture != s_defaults.Architecture && options.Architecture != start.Architecture)
        {
            yield return $"{nameof(options.Architecture)} is {options.Architecture} and has no effect: the network is that of {(options.PretrainedWeights is null ? "the model that the training starts from" : nameof(options.PretrainedWeights))}, {ResNetWeights.Describe(start.Specification)}.";
        }

        if (mode == FineTuningMode.HeadOnly)
        {
            string[] steps = Changed([.. OfSteps(options), .. OfOptimizers(options)]);
            if (steps.Length > 0)
            {
                yield return $"{Have(steps)} no effect where {nameof(options.FineTuning)} is {mode}: the classifier is fitted to convergence, without epochs.";
            }

            yield break;
        }

        if (start is not null && mode is null)
        {
            string[] careful = Changed(
                (nameof(options.FeatureViews), options.FeatureViews is 0 ? null : options.FeatureViews, null),
                (nameof(options.BackboneLearningRateScale), options.BackboneLearningRateScale, s_defaults.BackboneLearningRateScale),
                (nameof(options.StageLearningRateDecay), options.StageLearningRateDecay, s_defaults.StageLearningRateDecay));
            if (careful.Length > 0)
            {
                yield return $"{Have(careful)} no effect where the classifier is kept, as the classes are those of the weights, and {nameof(options.FineTuning)} is not set: the training goes on with the same learning rate in all layers.";
            }
        }

        if (start is not null && mode is FineTuningMode.Full && options.FeatureViews > 0)
        {
            yield return $"{nameof(options.FeatureViews)} has no effect where {nameof(options.FineTuning)} is {mode}.";
        }

        string[] optimizer = Changed([.. OfOptimizers(options).Where(option => option.Name is nameof(options.Momentum) or nameof(options.Nesterov) ? options.Optimizer == TrainingOptimizer.AdamW : options.Optimizer == TrainingOptimizer.Sgd)]);
        if (optimizer.Length > 0)
        {
            yield return $"{Have(optimizer)} no effect where {nameof(options.Optimizer)} is {options.Optimizer}.";
        }

        if (options.LearningRateDecay != LearningRateDecay.Step && Changed((nameof(options.LearningRateDecayFactor), options.LearningRateDecayFactor, s_defaults.LearningRateDecayFactor)).Length > 0)
        {
            yield return $"{nameof(options.LearningRateDecayFactor)} has no effect where {nameof(options.LearningRateDecay)} is {options.LearningRateDecay}; only {nameof(LearningRateDecay.Step)} uses it.";
        }

        if (options.LearningRateDecay == LearningRateDecay.OneCycle && options.WarmupEpochs > 0)
        {
            yield return $"{nameof(options.WarmupEpochs)} has no effect where {nameof(options.LearningRateDecay)} is {options.LearningRateDecay}, which rises by itself, over three tenths of the training.";
        }

        if (options.ClassWeightingStart is not null && options.ClassWeights is null && options.ClassWeighting == ClassWeighting.None)
        {
            yield return $"{nameof(options.ClassWeightingStart)} has no effect without {nameof(options.ClassWeighting)} or {nameof(options.ClassWeights)}.";
        }

        if (options.SynchronizeBatchNorm && options.ProcessGroup is not { Size: > 1 })
        {
            yield return $"{nameof(options.SynchronizeBatchNorm)} has no effect without a {nameof(options.ProcessGroup)} of several processes.";
        }

        if (options.ValidationMetric is not null && options.ValidationSet is null && options.ValidationFraction == 0)
        {
            yield return $"{nameof(options.ValidationMetric)} has no effect without {nameof(options.ValidationSet)} or {nameof(options.ValidationFraction)}.";
        }
    }

    private static IEnumerable<(string Name, object? Value, object? Default)> OfSteps(ResNetTrainer.Options options) =>
    [
        (nameof(options.Epochs), options.Epochs, s_defaults.Epochs),
        (nameof(options.BatchSize), options.BatchSize, s_defaults.BatchSize),
        (nameof(options.AccumulateSteps), options.AccumulateSteps, s_defaults.AccumulateSteps),
        (nameof(options.Optimizer), options.Optimizer, s_defaults.Optimizer),
        (nameof(options.LearningRate), options.LearningRate, null),
        (nameof(options.WarmupEpochs), options.WarmupEpochs, null),
        (nameof(options.LearningRateDecay), options.LearningRateDecay, s_defaults.LearningRateDecay),
        (nameof(options.WeightDecay), options.WeightDecay, null),
        (nameof(options.MaxGradientNorm), options.MaxGradientNorm, null),
        (nameof(options.BackboneLearningRateScale), options.BackboneLearningRateScale, s_defaults.BackboneLearningRateScale),
        (nameof(options.StageLearningRateDecay), options.StageLearningRateDecay, s_defaults.StageLearningRateDecay),
        (nameof(options.FrozenStages), options.FrozenStages, s_defaults.FrozenStages),
        (nameof(options.FreezeBatchNorm), options.FreezeBatchNorm, null),
        (nameof(options.MixUpAlpha), options.MixUpAlpha, null),
        (nameof(options.CutMixAlpha), options.CutMixAlpha, null),
        (nameof(options.InitialImageScale), options.InitialImageScale, null),
        (nameof(options.EarlyStoppingPatience), options.EarlyStoppingPatience, null),
    ];

    private static IEnumerable<(string Name, object? Value, object? Default)> OfOptimizers(ResNetTrainer.Options options) =>
    [
        (nameof(options.Momentum), options.Momentum, s_defaults.Momentum),
        (nameof(options.Nesterov), options.Nesterov, s_defaults.Nesterov),
        (nameof(options.Beta1), options.Beta1, s_defaults.Beta1),
        (nameof(options.Beta2), options.Beta2, s_defaults.Beta2),
    ];

    private static string[] Changed(params (string Name, object? Value, object? Default)[] options)
        => [.. options.Where(option => !Equals(option.Value, option.Default)).Select(option => option.Name)];

    private static string Have(string[] names) => $"{(names.Length == 1 ? names[0] : $"{string.Join(", ", names[..^1])} and {names[^1]}")} {(names.Length == 1 ? "has" : "have")}";
}
