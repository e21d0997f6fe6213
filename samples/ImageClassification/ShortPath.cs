namespace ImageClassification;

/// <summary>Paths for people to read.</summary>
internal static class ShortPath
{
    /// <summary>Relative to the current directory where the path is in it.</summary>
    public static string Of(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }
}
