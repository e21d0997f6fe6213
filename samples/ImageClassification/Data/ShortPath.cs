namespace ImageClassification.Data;

/// <summary>Paths for people to read.</summary>
internal static class ShortPath
{
    /// <summary>Relative to the current directory where the path is in it.</summary>
    public static string Of(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }

    /// <summary>The folder's name, with that of the folder above it where it only says what the images are for.</summary>
    public static string NameOf(string folder)
    {
        var directory = new DirectoryInfo(folder);
        bool isRole = directory.Name.ToUpperInvariant() is "TRAIN" or "TEST" or "VAL" or "VALIDATION";
        return isRole && directory.Parent is { } parent ? $"{parent.Name}/{directory.Name}" : directory.Name;
    }
}
