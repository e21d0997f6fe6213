using System.Globalization;
using System.Reflection;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>Checks all settings.</summary>
        /// <exception cref="ArgumentException">At least one setting is out of its range; the message lists every fault.</exception>
        public void Validate()
        {
            List<string> faults = [];
            CheckNames(faults);
            CheckRanges(faults);
            CheckNormalization(faults);
            if (ImageSize is < 8 or > 4096)
            {
                faults.Add(Fault(nameof(ImageSize), ImageSize, "8 to 4096, or null"));
            }

            if (WarmupEpochs is not null and not (>= 0 and <= 10_000))
            {
                faults.Add(Fault(nameof(WarmupEpochs), WarmupEpochs, "0 to 10000"));
            }

            CheckTraining(faults);
            CheckAugmentation(faults);
            if (CacheMemoryLimit < 0)
            {
                faults.Add(Fault(nameof(CacheMemoryLimit), CacheMemoryLimit, "0 or more, or null"));
            }

            if (ShuffleBufferSize < 1)
            {
                faults.Add(Fault(nameof(ShuffleBufferSize), ShuffleBufferSize, "1 or more"));
            }

            CheckDefined(faults, nameof(Architecture), Architecture);
            CheckDefined(faults, nameof(ImageFit), ImageFit);
            CheckDefined(faults, nameof(PixelLayout), PixelLayout);
            CheckDefined(faults, nameof(PixelRange), PixelRange);
            CheckDefined(faults, nameof(BadImages), BadImages);
            CheckDefined(faults, nameof(Augmentation), Augmentation);
            CheckDefined(faults, nameof(FineTuning), FineTuning ?? FineTuningMode.Full);
            if (FineTuning is FineTuningMode.HeadOnly && CheckpointDirectory is not null)
            {
                faults.Add($"{nameof(CheckpointDirectory)} is set, but {nameof(FineTuning)} is {FineTuning}, which has no steps to resume from; expected one of them.");
            }

            if (Specification is not null && Architecture != ResNetArchitecture.ResNet18)
            {
                faults.Add($"{nameof(Specification)} and {nameof(Architecture)} ({Architecture}) are both set; expected one of them.");
            }

            CheckDefined(faults, nameof(Precision), Precision);
            CheckDefined(faults, nameof(ScoringPrecision), ScoringPrecision);
            CheckDefined(faults, nameof(ScoringBackend), ScoringBackend);
            CheckDefined(faults, nameof(Optimizer), Optimizer);
            CheckDefined(faults, nameof(LearningRateDecay), LearningRateDecay);
            CheckDefined(faults, nameof(ClassWeighting), ClassWeighting);
            CheckDefined(faults, nameof(ValidationMetric), ValidationMetric ?? ResNet.ValidationMetric.Accuracy);
            CheckDefined(faults, nameof(CancellationHandling), CancellationHandling);
            CheckDefined(faults, nameof(TestTimeAugmentation), TestTimeAugmentation);
            if (AccumulateSteps is < 1 or > 10_000)
            {
                faults.Add(Fault(nameof(AccumulateSteps), AccumulateSteps, "1 to 10000"));
            }

            if (ProcessGroup is { Size: > 1 } && FineTuning is FineTuningMode.HeadOnly or FineTuningMode.HeadThenFull)
            {
                faults.Add($"{nameof(FineTuning)} is {FineTuning}, which one process does, and {nameof(ProcessGroup)} has {ProcessGroup!.Size}; expected {nameof(FineTuningMode.Full)}.");
            }

            try
            {
                Specification?.Validate();
            }
            catch (ArgumentException exception)
            {
                faults.Add(exception.Message);
            }

            if (faults.Count > 0)
            {
                throw new ArgumentException($"ResNetTrainer.Options has {faults.Count} fault{(faults.Count == 1 ? "" : "s")}: {string.Join(" ", faults)}");
            }
        }

        /// <summary>A copy that later changes of these options don't reach, their arrays and dictionaries included.</summary>
        internal Options Copy()
        {
            var copy = (Options)MemberwiseClone();
            copy.Mean = (float[]?)Mean?.Clone();
            copy.StandardDeviation = (float[]?)StandardDeviation?.Clone();
            copy.LearningRateMilestones = (double[])LearningRateMilestones?.Clone()!;
            copy.ClassWeights = ClassWeights is null
                ? null
                : new Dictionary<string, float>(ClassWeights, (ClassWeights as Dictionary<string, float>)?.Comparer ?? StringComparer.Ordinal);
            return copy;
        }

        private void CheckNames(List<string> faults)
        {
            (string Property, string? Value)[] names =
            [
                (nameof(LabelColumnName), LabelColumnName),
                (nameof(FeatureColumnName), FeatureColumnName),
                (nameof(ScoreColumnName), ScoreColumnName),
                (nameof(PredictedLabelColumnName), PredictedLabelColumnName),
            ];
            if (ExampleWeightColumnName is not null && string.IsNullOrWhiteSpace(ExampleWeightColumnName))
            {
                faults.Add($"{nameof(ExampleWeightColumnName)} is empty; expected a column's name, or null.");
            }

            faults.AddRange(names.Where(name => string.IsNullOrWhiteSpace(name.Value)).Select(name => $"{name.Property} is empty; expected a column's name."));
            if (ScoreColumnName == PredictedLabelColumnName)
            {
                faults.Add($"{nameof(ScoreColumnName)} and {nameof(PredictedLabelColumnName)} are both '{ScoreColumnName}'; expected different names.");
            }

            foreach (var (output, name) in names[2..])
            {
                // An added column hides the one of its name: evaluation would compare predictions with themselves, and nothing could be scored again.
                string? hidden = name == LabelColumnName ? nameof(LabelColumnName) : name == FeatureColumnName ? nameof(FeatureColumnName) : name is not null && name == ExampleWeightColumnName ? nameof(ExampleWeightColumnName) : null;
                if (hidden is not null && !string.IsNullOrWhiteSpace(name))
                {
                    faults.Add($"{output} and {hidden} are both '{name}'; expected different names.");
                }
            }
        }

        private void CheckTraining(List<string> faults)
        {
            if (LearningRateMilestones is null || LearningRateMilestones.Any(share => !(share is > 0 and < 1)) || LearningRateMilestones.Zip(LearningRateMilestones.Skip(1)).Any(pair => pair.First >= pair.Second))
            {
                faults.Add(Fault(nameof(LearningRateMilestones), LearningRateMilestones is null ? "null" : $"[{string.Join(", ", LearningRateMilestones.Select(share => share.ToString(CultureInfo.InvariantCulture)))}]", "ascending shares of the training, each above 0 and below 1"));
            }

            if (!(MaxGradientNorm is null or > 0) || MaxGradientNorm is double.PositiveInfinity)
            {
                faults.Add(Fault(nameof(MaxGradientNorm), MaxGradientNorm, "a finite number above 0, or null"));
            }

            if (MaxTrainingTime <= TimeSpan.Zero)
            {
                faults.Add(Fault(nameof(MaxTrainingTime), MaxTrainingTime, "a time above 0, or null"));
            }

            if (CheckpointInterval < TimeSpan.Zero)
            {
                faults.Add(Fault(nameof(CheckpointInterval), CheckpointInterval, "a time of 0 or more"));
            }

            if (ResumeFromCheckpoint && CheckpointDirectory is null)
            {
                faults.Add($"{nameof(ResumeFromCheckpoint)} is true, but {nameof(CheckpointDirectory)} is not set; expected the folder of the training to go on with.");
            }

            if (CheckpointDirectory is not null && string.IsNullOrWhiteSpace(CheckpointDirectory))
            {
                faults.Add($"{nameof(CheckpointDirectory)} is empty; expected a folder, or null.");
            }

            if (ClassWeights is not null && (ClassWeights.Values.Any(weight => !(weight >= 0 && float.IsFinite(weight))) || (ClassWeights.Count > 0 && ClassWeights.Values.All(weight => weight == 0))))
            {
                faults.Add($"{nameof(ClassWeights)} are {string.Join(", ", ClassWeights.Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Key}: {item.Value}")))}; expected finite numbers of 0 or more, at least one of them above 0.");
            }

            if (ClassWeightingStart is not (null or (>= 0 and <= 0.95)))
            {
                faults.Add(Fault(nameof(ClassWeightingStart), ClassWeightingStart, "0 to 0.95, or null"));
            }

            if (TopK is < 1 or > 1000)
            {
                faults.Add(Fault(nameof(TopK), TopK, "1 to 1000"));
            }

            CheckValidation(faults);
        }

        private void CheckValidation(List<string> faults)
        {
            if (!(ValidationFraction is >= 0 and <= 0.9))
            {
                faults.Add(Fault(nameof(ValidationFraction), ValidationFraction, "0 to 0.9"));
            }

            if (ValidationFraction > 0 && ValidationSet is not null)
            {
                faults.Add($"{nameof(ValidationSet)} and {nameof(ValidationFraction)} are both set; expected one of them.");
            }

            if (EarlyStoppingPatience is < 1 or > 10_000)
            {
                faults.Add(Fault(nameof(EarlyStoppingPatience), EarlyStoppingPatience, "1 to 10000, or null"));
            }
            else if (EarlyStoppingPatience is not null && ValidationSet is null && ValidationFraction == 0)
            {
                faults.Add($"{nameof(EarlyStoppingPatience)} is set, but there is nothing to validate on; expected {nameof(ValidationSet)} or {nameof(ValidationFraction)}.");
            }

            if (CalibrateScores && ValidationSet is null && ValidationFraction == 0)
            {
                faults.Add($"{nameof(CalibrateScores)} is set, but there is nothing to calibrate on; expected {nameof(ValidationSet)} or {nameof(ValidationFraction)}.");
            }

            if (!(MinimumScore is >= 0 and <= 1))
            {
                faults.Add(Fault(nameof(MinimumScore), MinimumScore, "0 to 1"));
            }

            if (!(EarlyStoppingMinDelta >= 0 && double.IsFinite(EarlyStoppingMinDelta)))
            {
                faults.Add(Fault(nameof(EarlyStoppingMinDelta), EarlyStoppingMinDelta, "a finite number of 0 or more"));
            }
        }

        /// <summary>
        /// Parts of the preset, whose default is to be as that has them. They have no annotation: AutoML would begin with a number in place of
        /// the default.
        /// </summary>
        private void CheckAugmentation(List<string> faults)
        {
            if (RandomCropPadding is < 0 or > 512)
            {
                faults.Add(Fault(nameof(RandomCropPadding), RandomCropPadding, "0 to 512, or null"));
            }

            (string Property, double? Value, double Minimum, double Maximum)[] parts =
            [
                (nameof(RandomResizedCropMinScale), RandomResizedCropMinScale, 0.01, 1),
                (nameof(ColorJitter), ColorJitter, 0, 1),
                (nameof(RandomErasing), RandomErasing, 0, 1),
                (nameof(MixUpAlpha), MixUpAlpha, 0, 10),
                (nameof(CutMixAlpha), CutMixAlpha, 0, 10),
                (nameof(MixProbability), MixProbability, 0, 1),
            ];
            faults.AddRange(parts
                .Where(part => part.Value is { } value && !(value >= part.Minimum && value <= part.Maximum))
                .Select(part => Fault(part.Property, part.Value, string.Create(CultureInfo.InvariantCulture, $"{part.Minimum} to {part.Maximum}"))));
        }

        /// <summary>The bounds that hyper-parameter search sees are the bounds that are enforced.</summary>
        private void CheckRanges(List<string> faults)
        {
            foreach (PropertyInfo property in typeof(Options).GetProperties())
            {
                if (property.GetCustomAttribute<RangeAttribute>() is { } range && property.GetValue(this) is { } set)
                {
                    double value = Convert.ToDouble(set, CultureInfo.InvariantCulture);
                    double minimum = Convert.ToDouble(range.Min, CultureInfo.InvariantCulture);
                    double maximum = Convert.ToDouble(range.Max, CultureInfo.InvariantCulture);
                    bool mayBeZero = property.Name == nameof(WeightDecay);
                    if (!(value >= minimum && value <= maximum) && !(mayBeZero && value == 0))
                    {
                        faults.Add(Fault(property.Name, value, string.Create(CultureInfo.InvariantCulture, $"{minimum} to {maximum}{(mayBeZero ? ", or 0" : "")}")));
                    }
                }
            }
        }

        private void CheckNormalization(List<string> faults)
        {
            if (Mean is not null && Mean.Any(value => !float.IsFinite(value)))
            {
                faults.Add($"{nameof(Mean)} has a value that is not finite.");
            }

            if (StandardDeviation is not null && StandardDeviation.Any(value => !(value > 0 && float.IsFinite(value))))
            {
                faults.Add($"{nameof(StandardDeviation)} has a value that is not above 0.");
            }

            if (Mean is not null && StandardDeviation is not null && Mean.Length != StandardDeviation.Length)
            {
                faults.Add($"{nameof(Mean)} has {Mean.Length} values and {nameof(StandardDeviation)} {StandardDeviation.Length}; expected one a channel in each.");
            }
        }

        private static void CheckDefined<TEnum>(List<string> faults, string name, TEnum value)
            where TEnum : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                faults.Add(Fault(name, value, string.Join(", ", Enum.GetNames<TEnum>())));
            }
        }

        private static string Fault(string name, object? value, string expected)
            => string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; expected {expected}.");
    }
}
