using Microsoft.ML.ResNet.Native;
using TorchSharp;

// Live-tensor counts and torch's thread settings are process-wide: tests run one after another.
[assembly: DoNotParallelize]

namespace Microsoft.ML.ResNet.Tests;

[TestClass]
public static class AssemblySetup
{
    private static long s_tensors;

    [AssemblyInitialize]
    public static void LoadNativeLibraries(TestContext context) => NativeTorch.EnsureLoaded();

    /// <summary>Frees what a test left to its finalisers: another one counts the tensors before and after what it tests.</summary>
    [GlobalTestCleanup]
    public static void FreeTensors(TestContext context)
    {
        if (torch.Tensor.TotalCount != s_tensors)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            s_tensors = torch.Tensor.TotalCount;
        }
    }
}
