using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Training;

/// <summary>What a network is trained on.</summary>
/// <param name="Training">The images to learn.</param>
/// <param name="Weights">How much each of them counts, or null where all count the same.</param>
/// <param name="Validation">Evaluated after every epoch, or null.</param>
/// <param name="ClassCount">The number of classes.</param>
internal sealed record LabeledImages(ImageDataset Training, float[]? Weights, ImageDataset? Validation, int ClassCount);
