using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Gives memory that libtorch has freed back to the system. GNU's C library keeps freed blocks, and as tensors of many sizes come and
/// go its heap grows by gigabytes over a training that holds a tenth of that.
/// </summary>
internal static class FreedMemory
{
    private static bool s_isSupported = OperatingSystem.IsLinux();

    /// <summary>Returns what is free; some milliseconds. Does nothing where the C library has no such call.</summary>
    public static void Return()
    {
        if (!s_isSupported)
        {
            return;
        }

        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            s_isSupported = false; // musl, which keeps next to nothing.
        }
    }

    [DllImport("libc", EntryPoint = "malloc_trim", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint pad);
}
