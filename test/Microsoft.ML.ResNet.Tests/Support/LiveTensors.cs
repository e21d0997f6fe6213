using TorchSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>The count of live tensors, which belongs to the whole process: tests that read it are marked with DoNotParallelize.</summary>
internal static class LiveTensors
{
    /// <summary>Counts them after those are freed that are left to their finalizers, by this test or another one.</summary>
    public static long CountAfterCollection()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
