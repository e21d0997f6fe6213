using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Native;

/// <summary>Whether the system lets code run that lies in a file, which Linux refuses by file system (the mount option noexec) and by policy (SELinux).</summary>
internal static class CodeMapping
{
    /// <summary>What stands in the way where code may not run, as the end of a sentence.</summary>
    public const string Refusal = "no code may run from its file system, as where it is mounted with noexec";

    private const int ReadAndExecute = 1 | 4, Private = 2;
    private const int NotPermitted = 1, AccessDenied = 13;

    /// <summary>Whether code of the file may run. The loader's message says it in the user's language, if at all: a page is mapped as the loader maps it.</summary>
    /// <param name="path">A file that can be read.</param>
    public static bool IsAllowed(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        using SafeFileHandle file = File.OpenHandle(path);
        nint page = Map(0, (nuint)Environment.SystemPageSize, ReadAndExecute, Private, file, 0);
        if (page == -1)
        {
            return Marshal.GetLastPInvokeError() is not (NotPermitted or AccessDenied);
        }

        _ = Unmap(page, (nuint)Environment.SystemPageSize);
        return true;
    }

    [DllImport("libc", EntryPoint = "mmap", ExactSpelling = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Map(nint address, nuint length, int protection, int flags, SafeFileHandle file, nint offset);

    [DllImport("libc", EntryPoint = "munmap", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Unmap(nint address, nuint length);
}
