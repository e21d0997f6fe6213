using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Features of images, and how many images and views they are of.</summary>
/// <param name="Tensor">[<paramref name="ImageCount"/> (1 + <paramref name="Views"/>), F] float32, on the CPU: the views of an image are <paramref name="ImageCount"/> rows apart.</param>
/// <param name="ImageCount">The images, the first of the set.</param>
/// <param name="Views">The varied views of each image beside the plain one.</param>
internal sealed record ExtractedFeatures(Tensor Tensor, int ImageCount, int Views);
