namespace Microsoft.ML.ResNet.Training;

/// <summary>The settings of one training, checked and settled.</summary>
internal sealed record TrainingSettings
{
    public required int Epochs { get; init; }

    public required int BatchSize { get; init; }

    public required double LearningRate { get; init; }

    public required double WarmupEpochs { get; init; }

    public required double Momentum { get; init; }

    public required double WeightDecay { get; init; }

    public required double LabelSmoothing { get; init; }

    public required Augmentation Augmentation { get; init; }

    public required long Seed { get; init; }

    public static TrainingSettings Of(ResNetTrainer.Options options, int imageSize, long seed) => new()
    {
        Epochs = options.Epochs,
        BatchSize = options.BatchSize,
        LearningRate = options.LearningRate,
        WarmupEpochs = options.WarmupEpochs,
        Momentum = options.Momentum,
        WeightDecay = options.WeightDecay,
        LabelSmoothing = options.LabelSmoothing,
        Augmentation = new Augmentation { RandomCrop = true, CropPadding = options.RandomCropPadding ?? imageSize / 8, HorizontalFlip = options.HorizontalFlip },
        Seed = seed,
    };

    /// <summary>The learning rate of every step of a training of <paramref name="batchCount"/> steps an epoch.</summary>
    public LearningRateSchedule Schedule(int batchCount)
    {
        int total = Epochs * batchCount;
        return new LearningRateSchedule(LearningRate, total, Math.Min((int)Math.Round(WarmupEpochs * batchCount), total / 2));
    }
}
