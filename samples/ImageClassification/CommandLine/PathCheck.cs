namespace ImageClassification.CommandLine;

/// <summary>Looks at the paths of results before the work rather than after it.</summary>
internal static class PathCheck
{
    /// <exception cref="WrongArgumentException">The path is a folder, or lies in none that exists.</exception>
    public static void CanBeWritten(string option, string? path)
    {
        if (path is not null && Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new WrongArgumentException($"The folder of {option} '{path}' doesn't exist.");
        }

        if (Directory.Exists(path))
        {
            throw new WrongArgumentException($"{option} '{path}' is a folder, expected the path of a file.");
        }
    }
}
