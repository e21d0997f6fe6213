using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>The labels of the images that were mixed into those of a batch.</summary>
/// <param name="Labels">[N] int64: the class of the other image.</param>
/// <param name="Shares">[N] float32: the share of the image's own label, 0 to 1; the other's is the rest.</param>
internal sealed record MixedLabels(Tensor Labels, Tensor Shares);
