namespace Microsoft.ML.ResNet;

/// <summary>What a network scores with on the CPU in float32. Scores differ by rounding, less than 1e-4, from one to the other.</summary>
public enum ScoringBackend
{
    /// <summary>
    /// What the environment variable <c>RESNET_SCORING_BACKEND</c> names (<c>kernels</c> or <c>libtorch</c>), or else <see cref="Kernels"/>, unless libtorch takes less
    /// than seven tenths of their time: once eight images have been scored, a network of a new shape, image size or number of threads that takes four milliseconds of
    /// the cores' time for an image scores some by both, tens of milliseconds each, while nobody else scores in the process, and a line in the log says which it goes on with. A process that scores fewer images doesn't wait for it.
    /// </summary>
    Auto,

    /// <summary>This library's own kernels, which need AVX-512, AVX2 with FMA, or Arm64. On other processors libtorch scores, with a warning.</summary>
    Kernels,

    /// <summary>libtorch's fused convolutions (oneDNN).</summary>
    LibTorch,
}
