using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class OpenMPWaitingTests
{
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Shorten_NothingSetByTheUser_TellsLibgomp()
    {
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null || Environment.GetEnvironmentVariable(OpenMPWaiting.SpinCountVariable) is not null)
        {
            Assert.Inconclusive("The environment says how OpenMP's threads wait.");
        }

        NativeTorch.EnsureLoaded();

        Assert.AreEqual(OpenMPWaiting.SpinCount, Marshal.PtrToStringUTF8(GetEnvironmentVariable(OpenMPWaiting.SpinCountVariable)));
    }

    [DllImport("libc", EntryPoint = "getenv", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint GetEnvironmentVariable([MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
