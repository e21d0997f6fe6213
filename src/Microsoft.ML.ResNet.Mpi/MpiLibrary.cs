using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet;

/// <summary>Finds the MPI library. MPI.NET names Microsoft MPI's; MPICH has the same binary interface.</summary>
internal static class MpiLibrary
{
    private const string WindowsName = "msmpi.dll";

    private static readonly string[] s_linuxNames = ["libmpich.so.12", "libmpi.so.12", "libmpich.so"];

    private static readonly Lazy<nint> s_library = new(Load);

    /// <exception cref="DllNotFoundException">There is none; the message says what to install.</exception>
    public static void EnsureLoaded() => _ = s_library.Value;

    private static nint Load()
    {
        nint library = 0;
        if (OperatingSystem.IsWindows() ? !NativeLibrary.TryLoad(WindowsName, out library) : !s_linuxNames.Any(name => NativeLibrary.TryLoad(name, out library)))
        {
            throw new DllNotFoundException(OperatingSystem.IsWindows()
                ? $"'{WindowsName}' was not found. Install Microsoft MPI 10 or later (msmpisetup.exe)."
                : $"None of {string.Join(", ", s_linuxNames)} was found. Install MPICH: on Debian and Ubuntu, apt-get install mpich.");
        }

        NativeLibrary.SetDllImportResolver(typeof(MPI.Environment).Assembly, (name, _, _) => name == WindowsName ? library : 0);
        return library;
    }
}
