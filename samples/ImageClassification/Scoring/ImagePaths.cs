using ImageClassification.CommandLine;

namespace ImageClassification.Scoring;

/// <summary>Finds images by paths.</summary>
internal static class ImagePaths
{
    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <summary>Whether a path has the extension of an image.</summary>
    public static bool IsImage(string path) => s_extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    /// <summary>
    /// The path itself; of a folder the images in it, at any depth, or where it has none its tar files. As LoadImageFolder has it, nothing in it that is hidden is listed, links are followed,
    /// and nothing is listed twice.
    /// </summary>
    /// <exception cref="InvalidDataException">A folder has neither.</exception>
    public static IEnumerable<string> InFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }

        string[] images = [.. FilesOf(path).Where(IsImage).Order(StringComparer.Ordinal)];
        string[] tars = images.Length > 0 ? [] : [.. Directory.EnumerateFiles(path, "*.tar").Where(IsVisible).Order(StringComparer.Ordinal)];
        return images.Length > 0 ? images : tars.Length > 0 ? tars
            : throw new InvalidDataException($"The folder '{path}' has no image: no file whose name ends with {string.Join(", ", s_extensions)}, and no tar file.");
    }

    /// <summary>Links to folders, and then those to files, come after what is there without them: a link to a folder above it ends there.</summary>
    private static IEnumerable<string> FilesOf(string root)
    {
        Queue<string> links = new([root]);
        HashSet<string> seen = new(RealPath.Comparer);
        List<(string Path, string Real, bool IsLink)> files = [];
        while (links.TryDequeue(out string? link))
        {
            Walk(link);
        }

        return files.OrderBy(file => file.IsLink).ThenBy(file => file.Path, StringComparer.Ordinal).Where(file => seen.Add(file.Real)).Select(file => file.Path);

        void Walk(string folder)
        {
            string real = RealPath.Of(folder);
            if (!seen.Add(real))
            {
                return;
            }

            foreach (string file in Directory.EnumerateFiles(folder).Where(IsVisible))
            {
                bool isLink = IsLink(file);
                files.Add((file, isLink ? RealPath.Of(file) : Path.Combine(real, Path.GetFileName(file)), isLink));
            }

            foreach (string inner in Directory.EnumerateDirectories(folder).Where(IsVisible).Order(StringComparer.Ordinal))
            {
                if (IsLink(inner))
                {
                    links.Enqueue(inner);
                }
                else
                {
                    Walk(inner);
                }
            }
        }
    }

    /// <summary>Not hidden by its name, as on Unix, nor by its attributes, as on Windows.</summary>
    private static bool IsVisible(string path)
        => !Path.GetFileName(path).StartsWith('.') && (!OperatingSystem.IsWindows() || (File.GetAttributes(path) & (FileAttributes.Hidden | FileAttributes.System)) == 0);

    private static bool IsLink(string path) => (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;
}
