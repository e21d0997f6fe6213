using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Loads libtorch and TorchSharp's native half before anything else touches <see cref="torch"/>, says what is missing where they
/// can't be loaded, and makes the Linux build of TorchSharp load on systems whose libstdc++ is older than the one it was built with.
/// </summary>
internal static partial class NativeTorch
{
    /// <summary>
    /// The symbol version that TorchSharp 0.107's libLibTorchSharp.so needs and that Debian 12, Ubuntu 22.04 and RHEL 9 lack. It is
    /// needed for one symbol, std::ios_base_library_init(), which GCC 13 emits to make the linker ask for a libstdc++ that
    /// initialises the standard streams by itself; nothing calls it where an older libstdc++ does so through its header.
    /// </summary>
    internal const string SymbolVersionThatMayBeMissing = "GLIBCXX_3.4.32";

    private static readonly object Gate = new();
    private static bool _loaded;

    /// <summary>Loads the native libraries once a process. Every path of the library that uses torch calls this first.</summary>
    /// <exception cref="DllNotFoundException">The application has no native libtorch package, or it can't be loaded.</exception>
    public static void EnsureLoaded()
    {
        if (Volatile.Read(ref _loaded))
        {
            return;
        }

        lock (Gate)
        {
            if (!_loaded)
            {
                Load();
                Volatile.Write(ref _loaded, true);
            }
        }
    }

    private static void Load()
    {
        OpenMPWaiting.Shorten();
        FreedMemory.Keep();
        var locator = NativeLibraryLocator.ForThisProcess();
        if (locator.Find("torch_cpu") is null && !NativeLibrary.TryLoad("LibTorchSharp", typeof(torch).Assembly, null, out _))
        {
            // A libtorch elsewhere on the system, such as PyTorch's, is of another version: it doesn't count unless TorchSharp's half loads with it.
            throw new DllNotFoundException(MissingPackageMessage(locator.Directories));
        }

        if (OperatingSystem.IsLinux() && locator.Find("LibTorchSharp") is { } torchSharp)
        {
            LoadOnLinux(locator, torchSharp);
        }

        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception exception) when (exception is NotSupportedException or TypeInitializationException or DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new DllNotFoundException(
                $"libtorch was found but could not be loaded: {Innermost(exception).Message} {PackageAdvice}", exception);
        }

        OneDnn.EnsureRight();
    }

    /// <summary>Loads TorchSharp's native half, from a patched copy where only the missing symbol version stands in the way.</summary>
    private static void LoadOnLinux(NativeLibraryLocator locator, string torchSharp)
    {
        foreach (string dependency in (string[])["c10", "torch_cpu", "torch"])
        {
            if (locator.Find(dependency) is { } path)
            {
                RequireWhole(path);
                LoadLibrary(path);
            }
        }

        RequireWhole(torchSharp);
        try
        {
            NativeLibrary.Load(torchSharp);
        }
        catch (DllNotFoundException exception) when (MissingSymbolVersions(exception.Message) is [SymbolVersionThatMayBeMissing])
        {
            nint handle = PatchedLibraryCache.ForThisUser().Use(torchSharp, SymbolVersionThatMayBeMissing, LoadLibrary);
            NativeLibrary.SetDllImportResolver(
                typeof(torch).Assembly,
                (name, _, _) => name == "LibTorchSharp" ? handle : nint.Zero);
        }
        catch (DllNotFoundException exception)
        {
            throw CannotLoad(torchSharp, exception);
        }
    }

    private static void RequireWhole(string path)
    {
        if (!ElfSegments.AreWhole(path))
        {
            throw new DllNotFoundException($"The native library '{path}' was found but could not be loaded: the file is cut short. Restore the package again (dotnet nuget locals all --clear, dotnet restore). {PackageAdvice}");
        }
    }

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw CannotLoad(path, exception);
        }
    }

    private static DllNotFoundException CannotLoad(string path, Exception exception)
        => CodeMapping.IsAllowed(path)
            ? new($"The native library '{path}' was found but could not be loaded: {exception.Message} {PackageAdvice}", exception)
            : new($"The native library '{path}' was found but could not be loaded: {CodeMapping.Refusal}. Move the application to another folder, or mount this one without noexec.", exception);

    /// <summary>The symbol versions that the dynamic loader's message names as not found, without repeats.</summary>
    internal static string[] MissingSymbolVersions(string loaderMessage)
        => [.. MissingVersionPattern().Matches(loaderMessage).Select(match => match.Groups[1].Value).Distinct(StringComparer.Ordinal)];

    internal static string MissingPackageMessage(IReadOnlyList<string> searched)
        => $"No native libtorch was found beside this application. {PackageAdvice} Searched: {string.Join(", ", searched)}.";

    private static string PackageAdvice
    {
        get
        {
            string version = typeof(torch).Assembly.GetName().Version is { } v ? $"{v.Major}.{v.Minor}.{v.Build}" : "0.107.0";
            return $"Add one of these packages to the application's project, in version {version}: TorchSharp-cpu (any system), "
                + "TorchSharp-cuda-windows or TorchSharp-cuda-linux (NVIDIA GPU); for example: dotnet add package TorchSharp-cpu "
                + $"--version {version}.";
        }
    }

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception;
    }

    // glibc: "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)"
    [GeneratedRegex(@"version [`'""]([A-Za-z0-9_.]+)['""] not found", RegexOptions.CultureInvariant)]
    private static partial Regex MissingVersionPattern();
}
