namespace ImageClassification.CommandLine;

/// <summary>Tells whether paths are of the same file.</summary>
internal static class RealPath
{
    // As many links as Linux follows.
    private const int MostLinks = 40;

    /// <summary>Compares real paths as the file system does by default.</summary>
    public static StringComparer Comparer { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    /// <summary>The full path without links: each of its parts is followed. Nothing needs to exist.</summary>
    public static string Of(string path)
    {
        string full = Path.GetFullPath(path);
        string current = Path.GetPathRoot(full)!;
        Stack<string> parts = new(PartsOf(full).Reverse());
        int followed = 0;
        while (parts.TryPop(out string? part))
        {
            current = Path.Combine(current, part);
            if (new FileInfo(current).LinkTarget is { } target && followed++ < MostLinks)
            {
                string resolved = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(current)!, target));
                current = Path.GetPathRoot(resolved)!;
                foreach (string inner in PartsOf(resolved).Reverse())
                {
                    parts.Push(inner);
                }
            }
        }

        return current;
    }

    /// <summary>Whether a path lies in a folder, at any depth.</summary>
    public static bool IsIn(string path, string folder)
    {
        string real = Of(path), start = Path.TrimEndingDirectorySeparator(Of(folder)) + Path.DirectorySeparatorChar;
        return real.Length > start.Length && Comparer.Equals(real[..start.Length], start);
    }

    private static IEnumerable<string> PartsOf(string full)
        => full[Path.GetPathRoot(full)!.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
}
