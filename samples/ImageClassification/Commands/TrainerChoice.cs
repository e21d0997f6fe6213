using ImageClassification.Data;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>Chooses what the command line leaves open by the images.</summary>
internal static class TrainerChoice
{
    public static ResNetTrainer.Options Of(TrainingArguments arguments, IReadOnlyList<LabeledImage> images, CancellationToken cancellationToken)
    {
        ResNetWeights? weights = arguments.IsPretrained ? ResNetWeights.ImageNet() : null;
        int size = arguments.ImageSize ?? (weights is null ? ImageSize.Choose(images) : ImageSize.ChooseFor(weights, images));
        bool isSmall = ImageSize.IsSmall(size);
        var defaults = new ResNetTrainer.Options();
        int epochs = weights is null ? isSmall ? 70 : 40 : arguments.FineTuning == FineTuningMode.HeadOnly ? defaults.Epochs : 3;
        return new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Architecture = arguments.Architecture ?? (isSmall && weights is null ? ResNetArchitecture.ResNet20 : defaults.Architecture),
            PretrainedWeights = weights,
            FineTuning = arguments.FineTuning,
            ImageSize = size,
            Epochs = arguments.Epochs ?? epochs,
            BatchSize = arguments.BatchSize,

            // A long training of a small network on few images: it would overfit them and become overconfident.
            LabelSmoothing = weights is null && isSmall ? 0.1 : 0,
            Augmentation = arguments.Augmentation,

            // In the bundled images all shoes point to the right.
            HorizontalFlip = arguments.ImageFolder is null ? false : null,
            MaxTrainingTime = arguments.MaxTrainingTime,
            CancellationToken = cancellationToken,
        };
    }
}
