using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Finds tar files by a path, a folder, or a pattern.</summary>
internal static partial class ShardFiles
{
    /// <summary>
    /// The tar files of <c>data/train-000.tar</c>, of the folder <c>data</c>, of <c>data/train-*.tar</c>, or of <c>data/train-{000..099}.tar</c>, sorted by name.
    /// </summary>
    /// <exception cref="FileNotFoundException">There are none.</exception>
    /// <exception cref="ArgumentException">A name doesn't end with <c>.tar</c>.</exception>
    public static string[] Find(string shards)
    {
        string[] files = Directory.Exists(shards) ? Sorted(Directory.EnumerateFiles(shards, "*.tar")) : [.. Ranges(shards).SelectMany(Matches)];
        if (files.Length == 0)
        {
            throw new FileNotFoundException(
                Directory.Exists(shards) ? $"The folder '{shards}' has no tar files, expected some whose names end with '.tar'." : $"No file matches '{shards}', expected tar files.", shards);
        }

        return Array.Find(files, file => !file.EndsWith(ImageFile.TarExtension, StringComparison.OrdinalIgnoreCase)) is { } other
            ? throw new ArgumentException($"'{other}' is not named as a tar file, expected a name that ends with '.tar'. Decompress it where it is compressed: images don't get smaller by that.", nameof(shards))
            : files;
    }

    /// <summary>Each number of a range in braces, with its zeros.</summary>
    private static IEnumerable<string> Ranges(string pattern)
    {
        Match range = NumberRange().Match(pattern);
        if (!range.Success)
        {
            return [pattern];
        }

        string first = range.Groups[1].Value, last = range.Groups[2].Value;
        int start = int.Parse(first, CultureInfo.InvariantCulture), end = int.Parse(last, CultureInfo.InvariantCulture);
        string zeros = new('0', first.Length);
        return Enumerable.Range(start, Math.Max(0, end - start + 1))
            .SelectMany(number => Ranges(pattern[..range.Index] + number.ToString(zeros, CultureInfo.InvariantCulture) + pattern[(range.Index + range.Length)..]));
    }

    private static string[] Matches(string pattern)
    {
        string name = Path.GetFileName(pattern);
        if (!name.AsSpan().ContainsAny('*', '?'))
        {
            return File.Exists(pattern) ? [pattern] : throw new FileNotFoundException($"The tar file '{pattern}' {(Directory.Exists(pattern) ? "is a folder, expected a file" : "does not exist")}.", pattern);
        }

        string folder = Path.GetDirectoryName(pattern) is { Length: > 0 } given ? given : ".";
        return Directory.Exists(folder)
            ? Sorted(Directory.EnumerateFiles(folder, name).Select(file => folder == "." ? Path.GetFileName(file) : file))
            : throw new DirectoryNotFoundException($"The folder '{folder}' of the tar files '{pattern}' {(File.Exists(folder) ? "is a file" : "does not exist")}.");
    }

    private static string[] Sorted(IEnumerable<string> files) => [.. files.Order(StringComparer.Ordinal)];

    [GeneratedRegex(@"\{(\d{1,9})\.\.(\d{1,9})\}")]
    private static partial Regex NumberRange();
}
