using Microsoft.ML.ResNet;

namespace ImageClassification;

/// <summary>What the command line asks for when it trains.</summary>
/// <param name="ImageFolder">Null: the bundled images.</param>
/// <param name="TestFolder">Null: the bundled test images, or a part of <paramref name="ImageFolder"/>.</param>
/// <param name="Architecture">Null: chosen by the size of the images.</param>
/// <param name="IsPretrained">Whether to begin with ImageNet's weights.</param>
/// <param name="Epochs">Null: chosen by the size of the images.</param>
/// <param name="ImageSize">In pixels; null: chosen by the images.</param>
/// <param name="MaxTrainingTime">Null: no limit.</param>
/// <param name="CheckpointFolder">Null: no checkpoints.</param>
/// <param name="JsonPath">Null: no summary is written.</param>
/// <param name="ReportPath">Null: report.html beside the model.</param>
internal sealed record TrainingArguments(
    string? ImageFolder,
    string? TestFolder,
    ResNetArchitecture? Architecture,
    bool IsPretrained,
    FineTuningMode? FineTuning,
    int? Epochs,
    int? ImageSize,
    int BatchSize,
    AugmentationPreset Augmentation,
    TimeSpan? MaxTrainingTime,
    string? CheckpointFolder,
    string ModelPath,
    int Seed,
    string? JsonPath,
    string? ReportPath,
    bool FindsLearningRate);
