using Microsoft.ML.ResNet.Augmentations;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>What a step trains on. The tensors belong to the step's scope.</summary>
/// <param name="Images">[N,C,H,W] float32, normalised.</param>
/// <param name="Labels">[N] int64.</param>
/// <param name="Weights">[N] float32: how much each image counts; null where all count the same.</param>
/// <param name="Mixing">The other image in each image, or null where none is mixed.</param>
internal sealed record TrainingBatch(Tensor Images, Tensor Labels, Tensor? Weights = null, MixedLabels? Mixing = null);
