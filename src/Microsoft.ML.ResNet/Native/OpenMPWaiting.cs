using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Shortens the time for which libtorch's OpenMP threads spin at the end of each parallel loop. GCC's libgomp has them spin for
/// milliseconds before they sleep; where other processes want the cores, each spins away the very time slice that the thread it
/// waits for needs. Measured on two cores with two to three busy processes beside it: training of ResNet-20 at 10 images/s with
/// libgomp's default and at 170 to 480 with this one.
/// </summary>
internal static class OpenMPWaiting
{
    internal const string SpinCountVariable = "GOMP_SPINCOUNT";

    /// <summary>Some tens of microseconds: longer than the gap between two loops of a network, far shorter than a time slice.</summary>
    internal const string SpinCount = "10000";

    /// <summary>Takes effect if libgomp has not been loaded, and leaves alone what the user has set.</summary>
    public static void Shorten()
    {
        // libgomp reads the variables once, when it is loaded, from the C library's environment; .NET's SetEnvironmentVariable
        // doesn't write there.
        if (OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
        {
            _ = SetEnvironmentVariable(SpinCountVariable, SpinCount, overwrite: 0);
        }
    }

    [DllImport("libc", EntryPoint = "setenv", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironmentVariable(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
}
