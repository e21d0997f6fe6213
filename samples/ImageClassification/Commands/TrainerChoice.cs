using ImageClassification.Data;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>Chooses what the command line leaves open by the images.</summary>
internal static class TrainerChoice
{
    /// <summary>The images up to which the trainer mixes them (AugmentationPreset.Auto), which goes on gaining for longer.</summary>
    private const int VeryFew = 2_000;

    public static ResNetTrainer.Options Of(TrainingArguments arguments, IReadOnlyList<LabeledImage> images, CancellationToken cancellationToken)
    {
        ResNetWeights? weights = arguments.IsPretrained ? ResNetWeights.ImageNet() : null;
        int size = arguments.ImageSize ?? (weights is null ? ImageSize.Choose(images) : ImageSize.ChooseFor(weights, images));
        ResNetTrainer.Options options = arguments.Recipe is { } recipe ? ResNetTrainer.Options.FromRecipe(recipe, weights) : Chosen(weights, size, images.Count);
        options.FeatureColumnName = "ImagePath";
        options.Architecture = arguments.Architecture ?? (ImageSize.IsSmall(size) && weights is null ? ResNetArchitecture.ResNet20 : options.Architecture);
        options.FineTuning = arguments.FineTuning ?? options.FineTuning;
        options.ImageSize = size;
        options.ImageFit = arguments.ImageFit;
        options.Epochs = arguments.Epochs ?? (options.FineTuning == FineTuningMode.HeadOnly ? new ResNetTrainer.Options().Epochs : options.Epochs);
        options.BatchSize = arguments.BatchSize;
        options.Augmentation = arguments.Augmentation;
        options.MaxTrainingTime = arguments.MaxTrainingTime ?? options.MaxTrainingTime;
        options.BadImages = arguments.SkipsBadImages ? BadImageHandling.Skip : BadImageHandling.Throw;
        options.CancellationToken = cancellationToken;
        if (arguments.ImageFolder is null)
        {
            // In the bundled images all shoes point to the right.
            options.HorizontalFlip = false;
            options.TestTimeAugmentation = TestTimeAugmentation.None;
        }

        return options;
    }

    /// <summary>Without a recipe.</summary>
    private static ResNetTrainer.Options Chosen(ResNetWeights? weights, int imageSize, int imageCount) => new()
    {
        PretrainedWeights = weights,
        Epochs = weights is not null ? FineTuningEpochs.Of(imageCount, imageSize) : !ImageSize.IsSmall(imageSize) ? 40 : imageCount <= VeryFew ? 90 : 70,

        // A long training of a small network on few images: it would overfit them and become overconfident.
        LabelSmoothing = weights is null && ImageSize.IsSmall(imageSize) ? 0.1 : 0,
    };
}
