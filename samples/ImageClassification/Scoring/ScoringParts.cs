using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification.Scoring;

/// <summary>Parts images into pieces that are scored by themselves: a tar file each, and single files by thousands. All processes part them alike.</summary>
internal static class ScoringParts
{
    private const int FilesInPart = 10_000;

    private const string TarExtension = ".tar";

    /// <param name="paths">Image files, tar files, and folders of either.</param>
    /// <exception cref="InvalidDataException">A folder has no images.</exception>
    public static IReadOnlyList<ScoringPart> Of(MLContext mlContext, IEnumerable<string> paths)
    {
        List<string> tars = [], files = [];
        foreach (string path in paths.SelectMany(ImagePaths.InFolder))
        {
            (IsTar(path) ? tars : files).Add(path);
        }

        List<ScoringPart> parts = [];
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        foreach (string tar in tars)
        {
            string name = Path.GetFileNameWithoutExtension(tar), unique = name;
            for (int i = 2; !names.Add(unique); i++)
            {
                unique = string.Create(CultureInfo.InvariantCulture, $"{name}-{i}");
            }

            parts.Add(new ScoringPart(unique, Path.GetFullPath(tar), File.GetLastWriteTimeUtc(tar), () => ImagesOf(mlContext, tar)));
        }

        parts.AddRange(files.Chunk(FilesInPart).Select((chunk, i) => new ScoringPart(string.Create(CultureInfo.InvariantCulture, $"files-{i:D5}"), SourceOf(chunk), Changed: null, () => chunk)));
        return parts;
    }

    private static string SourceOf(string[] files)
        => string.Create(CultureInfo.InvariantCulture, $"{files.Length} files, {Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', files.Select(Path.GetFullPath)))))[..16]}");

    /// <summary>Whether a path is that of a tar file.</summary>
    public static bool IsTar(string path) => path.EndsWith(TarExtension, StringComparison.OrdinalIgnoreCase);

    /// <summary>The paths of the images in a tar file, without their labels.</summary>
    public static IEnumerable<string> ImagesOf(MLContext mlContext, string tar) => mlContext.Data.LoadImageShards(tar, labelExtension: "").GetColumn<string>("ImagePath");
}
