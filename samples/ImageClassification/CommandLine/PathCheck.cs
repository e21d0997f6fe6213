using ImageClassification.Scoring;

namespace ImageClassification.CommandLine;

/// <summary>Looks at the paths of results before the work rather than after it.</summary>
internal static class PathCheck
{
    /// <summary>What may be written to by all.</summary>
    private const string Nothing = "/dev/null";

    /// <exception cref="WrongArgumentException">The path is a folder, or lies in none that exists, or stands for standard output.</exception>
    public static void CanBeWritten(NamedPath result)
    {
        string path = result.Path;
        if (path == Output.StandardOutput)
        {
            throw new WrongArgumentException($"{result} is no path of a file: --json alone can be written to standard output. A file of this name is './-'.");
        }

        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new WrongArgumentException($"The folder of {result} {(File.Exists(folder) ? "is a file" : "doesn't exist")}.");
        }

        if (Directory.Exists(path))
        {
            throw new WrongArgumentException($"{result} is a folder, expected the path of a file.");
        }
    }

    /// <exception cref="WrongArgumentException">The path is a file.</exception>
    public static void CanBeFolder(NamedPath folder)
    {
        if (File.Exists(folder.Path))
        {
            throw new WrongArgumentException($"{folder} is a file, expected the path of a folder.");
        }
    }

    /// <exception cref="WrongArgumentException">The path is a file where a folder of images is expected.</exception>
    public static void IsNoFile(NamedPath images)
    {
        if (File.Exists(images.Path))
        {
            throw new WrongArgumentException($"{images} is a file, expected a folder with a sub-folder of images for each class.");
        }
    }

    /// <summary>Looks whether a result would take the place of another one, or of what is read.</summary>
    /// <param name="sources">Files, and folders of images and tar files.</param>
    /// <exception cref="WrongArgumentException">One of the results would.</exception>
    public static void OverwritesNothing(IEnumerable<NamedPath> results, IEnumerable<NamedPath> sources)
    {
        ILookup<bool, NamedPath> byFolder = sources.ToLookup(source => Directory.Exists(source.Path));
        Dictionary<string, NamedPath> files = new(RealPath.Comparer);
        foreach (NamedPath source in byFolder[false])
        {
            files.TryAdd(RealPath.Of(source.Path), source);
        }

        foreach (NamedPath result in results.Where(result => result.Path != Nothing))
        {
            string real = RealPath.Of(result.Path);
            if (!files.TryAdd(real, result))
            {
                throw new WrongArgumentException($"{result} would overwrite {files[real]}. Name another path with {result.Option}.");
            }

            if (File.Exists(real) && (ImagePaths.IsImage(real) || ScoringParts.IsTar(real)) && byFolder[true].FirstOrDefault(folder => RealPath.IsIn(real, folder.Path)) is { } images)
            {
                throw new WrongArgumentException($"{result} would overwrite a file of {images}. Name another path with {result.Option}.");
            }
        }
    }
}
