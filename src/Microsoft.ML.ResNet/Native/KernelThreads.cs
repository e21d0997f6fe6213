using TorchSharp;

namespace Microsoft.ML.ResNet.Native;

/// <summary>The threads that the kernels of this library use.</summary>
internal static class KernelThreads
{
    /// <summary>libtorch's number, up to 32: each thread has memory of its own, and beyond that the parts of a batch get too small.</summary>
    public static int Count => Math.Min(torch.get_num_threads(), 32);
}
