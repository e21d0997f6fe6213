using System.Security.Cryptography;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Keeps private copies of native libraries in which one symbol-version need is marked weak. A copy is named by the hash of the
/// original, written atomically, and compared byte for byte with what it should be before each use.
/// </summary>
/// <param name="directory">Where copies are kept; empty: nowhere.</param>
/// <param name="mayRun">Whether code of a file may run where the file lies; null: as <see cref="CodeMapping"/> finds.</param>
internal sealed class PatchedLibraryCache(string directory, Func<string, bool>? mayRun = null)
{
    private readonly Func<string, bool> _mayRun = mayRun ?? CodeMapping.IsAllowed;

    /// <summary>The cache in the user's local application data.</summary>
    public static PatchedLibraryCache ForThisUser()
    {
        string root = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return new PatchedLibraryCache(root.Length == 0 ? "" : Path.Combine(root, "Microsoft.ML.ResNet", "native"));
    }

    /// <summary>Hands the path of a copy of <paramref name="library"/> in which the need for <paramref name="version"/> is weak to <paramref name="use"/>.</summary>
    /// <remarks>
    /// Where the user's folder can't be written, or code may not run from it, the copy lives in a new private folder under the system's temporary
    /// folder for as long as <paramref name="use"/> runs: a library that is loaded stays loaded when its file goes.
    /// </remarks>
    /// <exception cref="DllNotFoundException">There is no place for a copy.</exception>
    public T Use<T>(string library, string version, Func<string, T> use)
    {
        byte[] content = File.ReadAllBytes(library);
        string hash = Convert.ToHexString(SHA256.HashData(content))[..32];
        if (!ElfVersionNeeds.MarkWeak(content, version))
        {
            throw new InvalidDataException($"The native library '{library}' has no need for {version}, though the system's loader says so.");
        }

        string fileName = Path.GetFileName(library);
        (string? path, string refusal) = WriteToUserFolder(hash, fileName, content);
        if (path is not null)
        {
            return use(path);
        }

        string? temporary = null;
        try
        {
            return use(WriteToTemporaryFolder(library, fileName, content, refusal, out temporary));
        }
        finally
        {
            if (temporary is not null)
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    /// <summary>The copy's path, or why there is none.</summary>
    private (string? Path, string Refusal) WriteToUserFolder(string hash, string fileName, byte[] content)
    {
        if (directory.Length == 0)
        {
            return (null, "the user has no local application data");
        }

        try
        {
            string path = Write(Path.Combine(directory, hash), fileName, content);
            return _mayRun(path) ? (path, "") : (null, $"'{directory}' is of no use, since {CodeMapping.Refusal}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return (null, CannotBeWritten(directory, exception)); // A read-only or missing home.
        }
    }

    /// <exception cref="DllNotFoundException">There is no place to write to.</exception>
    private string WriteToTemporaryFolder(string library, string fileName, byte[] content, string refusal, out string? temporary)
    {
        temporary = null;
        try
        {
            temporary = Directory.CreateTempSubdirectory("Microsoft.ML.ResNet-").FullName;
            string path = Write(temporary, fileName, content);
            return _mayRun(path) ? path : throw NoPlace($"'{Path.GetTempPath()}' is of no use, since {CodeMapping.Refusal}", null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw NoPlace(CannotBeWritten(Path.GetTempPath(), exception), exception);
        }

        DllNotFoundException NoPlace(string temporaryRefusal, Exception? inner)
            => new(
                $"This system's libstdc++ is too old for '{library}', and there is no place for a copy that loads with it: {refusal}; {temporaryRefusal}. "
                + "Give the process a home or a temporary folder that it may write and that is not mounted with noexec (the variables HOME or XDG_DATA_HOME, and TMPDIR, name them), "
                + "or install a libstdc++ of GCC 13 or later.",
                inner);
    }

    private static string CannotBeWritten(string folder, Exception exception) => $"'{folder}' can't be written ({exception.Message.TrimEnd('.')})";

    private static string Write(string folder, string fileName, byte[] content)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        string path = Path.Combine(folder, fileName);
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            return path;
        }

        // Two processes may start at once: each writes a file of its own, and the last rename wins with the same content.
        string partial = Path.Combine(folder, $"{fileName}.{Environment.ProcessId}.{Guid.NewGuid():N}.partial");
        try
        {
            File.WriteAllBytes(partial, content);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }

        return path;
    }
}
