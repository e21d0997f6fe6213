using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Native;

/// <summary>Finds native libraries where the .NET host would look for them.</summary>
internal sealed class NativeLibraryLocator(IEnumerable<string> directories)
{
    /// <summary>The directories that are searched, in order, without repeats.</summary>
    public IReadOnlyList<string> Directories { get; } = [.. directories.Where(directory => directory.Length > 0).Distinct(StringComparer.Ordinal)];

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "In a single file there is nothing beside TorchSharp: its location is empty, and the folders before it are all.")]
    public static NativeLibraryLocator ForThisProcess()
    {
        // The host lists the folders of native assets, those of packages in runtimes/RID/native among them; a plugin or a test
        // host may have been started with another list, so the conventional places beside TorchSharp follow.
        string listed = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string besideTorchSharp = Path.GetDirectoryName(typeof(TorchSharp.torch).Assembly.Location) ?? "";
        return new NativeLibraryLocator(
        [
            .. listed.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
            .. Conventional(AppContext.BaseDirectory),
            .. besideTorchSharp.Length > 0 ? Conventional(besideTorchSharp) : [],
        ]);
    }

    /// <summary>The full path of a library given by its bare name (<c>torch_cpu</c>), or null.</summary>
    public string? Find(string name)
    {
        string file = FileName(name);
        return Directories.Select(directory => Path.Combine(directory, file)).FirstOrDefault(File.Exists);
    }

    private static string[] Conventional(string root) => [root, Path.Combine(root, "runtimes", PortableRuntimeIdentifier, "native")];

    private static string PortableRuntimeIdentifier
    {
        get
        {
            string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
            return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        }
    }

    private static string FileName(string name)
        => OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";
}
