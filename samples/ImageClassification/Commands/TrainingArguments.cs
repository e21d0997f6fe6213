using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>What the command line says about a training.</summary>
/// <param name="ImageFolder">Null: the bundled images.</param>
/// <param name="Architecture">Null: chosen by the size of the images.</param>
/// <param name="IsPretrained">Whether to begin with ImageNet's weights.</param>
/// <param name="Recipe">What the others leave open; null: chosen by the size of the images.</param>
/// <param name="Epochs">Null: as the recipe has it, or chosen by the size of the images.</param>
/// <param name="ImageSize">In pixels; null: chosen by the images.</param>
/// <param name="ImageFit">How an image that is no square becomes one.</param>
/// <param name="MaxTrainingTime">Null: that of the recipe, or no limit.</param>
/// <param name="SkipsBadImages">Whether images that can't be read are left out.</param>
internal sealed record TrainingArguments(
    string? ImageFolder,
    ResNetArchitecture? Architecture,
    bool IsPretrained,
    Recipe? Recipe,
    FineTuningMode? FineTuning,
    int? Epochs,
    int? ImageSize,
    ImageFit ImageFit,
    int BatchSize,
    AugmentationPreset Augmentation,
    TimeSpan? MaxTrainingTime,
    bool SkipsBadImages,
    int Seed);
