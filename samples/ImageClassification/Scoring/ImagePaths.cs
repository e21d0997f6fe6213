namespace ImageClassification.Scoring;

/// <summary>Finds images by paths.</summary>
internal static class ImagePaths
{
    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <summary>Whether a path has the extension of an image.</summary>
    public static bool IsImage(string path) => s_extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>The path itself; of a folder the images in it, at any depth, or where it has none its tar files.</summary>
    /// <exception cref="InvalidDataException">A folder has neither.</exception>
    public static IEnumerable<string> InFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }

        string[] images = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(IsImage).Order(StringComparer.Ordinal)];
        string[] tars = images.Length > 0 ? [] : [.. Directory.EnumerateFiles(path, "*.tar").Order(StringComparer.Ordinal)];
        return images.Length > 0 ? images : tars.Length > 0 ? tars
            : throw new InvalidDataException($"The folder '{path}' has no image: no file whose name ends with {string.Join(", ", s_extensions)}, and no tar file.");
    }
}
