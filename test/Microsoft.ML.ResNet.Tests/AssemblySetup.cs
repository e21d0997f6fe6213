using Microsoft.ML.ResNet.Native;

// Live-tensor counts and torch's thread settings are process-wide: tests run one after another.
[assembly: DoNotParallelize]

namespace Microsoft.ML.ResNet.Tests;

[TestClass]
public static class AssemblySetup
{
    [AssemblyInitialize]
    public static void LoadNativeLibraries(TestContext context) => NativeTorch.EnsureLoaded();
}
