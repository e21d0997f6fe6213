using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// Memory that ends where a page begins that may not be touched, and has such a page before it: the first value read or written beyond its
/// end stops the process there. What lies between the page before and its first byte is compared when it is freed. For tests, on Linux.
/// </summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const byte Untouched = 0xA5;
    private const int NoAccess = 0, ReadAndWrite = 1 | 2, PrivateAndAnonymous = 2 | 0x20;

    private static readonly nuint s_page = (nuint)Environment.SystemPageSize;

    private readonly nuint _mapped;
    private readonly nuint _before;
    private byte* _start;

    /// <exception cref="OutOfMemoryException">There isn't as much memory.</exception>
    public GuardedMemory(nuint bytes)
    {
        nuint usable = checked(bytes + s_page - 1) / s_page * s_page;
        _mapped = usable + (2 * s_page);
        _start = (byte*)Map(0, _mapped, NoAccess, PrivateAndAnonymous, -1, 0);
        if (_start == (byte*)-1)
        {
            _start = null;
            throw new OutOfMemoryException($"{_mapped} bytes can't be mapped: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }

        if (Protect((nint)(_start + s_page), usable, ReadAndWrite) != 0)
        {
            throw new OutOfMemoryException($"{usable} bytes can't be made accessible: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }

        _before = usable - bytes;
        new Span<byte>(_start + s_page, checked((int)_before)).Fill(Untouched);
        Pointer = _start + s_page + _before;
    }

    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>The first byte; all are zero at first. The page behind the last one may not be touched.</summary>
    public byte* Pointer { get; }

    /// <exception cref="InvalidOperationException">Something was written before the first byte.</exception>
    public void Dispose()
    {
        if (_start is null)
        {
            return;
        }

        bool isUntouched = new ReadOnlySpan<byte>(_start + s_page, (int)_before).IndexOfAnyExcept(Untouched) < 0;
        _ = Unmap((nint)_start, _mapped);
        _start = null;
        if (!isUntouched)
        {
            throw new InvalidOperationException("Something was written before the first value of a buffer.");
        }
    }

    [DllImport("libc", EntryPoint = "mmap", ExactSpelling = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect", ExactSpelling = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Protect(nint address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "munmap", ExactSpelling = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Unmap(nint address, nuint length);
}
