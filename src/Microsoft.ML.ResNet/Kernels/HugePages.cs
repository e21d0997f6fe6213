using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// Memory in pages of 2 MiB, on Linux. The weights of a network are hundreds of times as many pages of 4 KiB as the processor remembers the place of;
/// in a virtual machine finding one takes two walks through tables.
/// </summary>
internal static unsafe class HugePages
{
    private const nuint Size = 2 << 20;

    private const int AdviseHugePages = 14;

    /// <summary>Whether so much memory is worth such pages. What doesn't fill one stays in small ones.</summary>
    public static bool AreWorthwhile(nuint bytes) => OperatingSystem.IsLinux() && bytes >= 4 * Size;

    /// <summary>Allocates as <see cref="NativeMemory.AlignedAlloc"/> does. A system that has no such pages gives its own.</summary>
    public static void* Allocate(nuint bytes)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, Size);
        _ = Advise((nint)memory, bytes / Size * Size, AdviseHugePages);
        return memory;
    }

    [DllImport("libc", EntryPoint = "madvise", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Advise(nint address, nuint length, int advice);
}
