using System.Globalization;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>A folder with a sub-folder of images for each class.</summary>
internal sealed class ImageFolder
{
    /// <summary>The bytes that tell an image's format.</summary>
    private const int HeadLength = 32;

    private const int ExtensionsShown = 8, ClassesShown = 10;

    private readonly string _folder;
    private readonly Dictionary<string, int> _leftOut = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _emptyClasses = [];
    private readonly List<LabeledImageFile> _files = [];
    private int _repeated;
    private int _besideClasses;

    private ImageFolder(string folder) => _folder = folder;

    /// <summary>Lists the images, sorted by class and path.</summary>
    /// <param name="warn">Told in words what is left out.</param>
    /// <exception cref="DirectoryNotFoundException">The folder doesn't exist, or is a file.</exception>
    /// <exception cref="InvalidOperationException">It has no sub-folders, or none with an image.</exception>
    public static IReadOnlyList<LabeledImageFile> List(string folder, Action<string> warn)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(File.Exists(folder) ? $"The image folder '{folder}' is a file, expected a folder with a sub-folder of images for each class." : $"The image folder '{folder}' doesn't exist.");
        }

        var images = new ImageFolder(folder);
        images.Read();
        foreach (string warning in images.Warnings())
        {
            warn(warning);
        }

        return images._files;
    }

    private void Read()
    {
        string[] classes = [.. Directory.EnumerateDirectories(_folder).Where(IsVisible).Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
        {
            throw new InvalidOperationException($"The image folder '{_folder}' has no sub-folders, expected one for each class, with its images in it.");
        }

        foreach (string path in classes.Where(path => !IsLink(path) || !LeadsAbove(path, _folder)))
        {
            string label = Path.GetFileName(path);
            string[] files = [.. FilesOf(path).Where(IsImage).Order(StringComparer.Ordinal)];
            _files.AddRange(files.Select(file => new LabeledImageFile { ImagePath = file, Label = label }));
            if (files.Length == 0)
            {
                _emptyClasses.Add(label);
            }
        }

        if (_files.Count == 0)
        {
            throw new InvalidOperationException(
                $"No sub-folder of '{_folder}' has an image, expected files of the formats {ImageSignature.SupportedFormats}.{(_leftOut.Count > 0 ? $" There are {DescribeLeftOut()}." : "")}");
        }

        _besideClasses = Directory.EnumerateFiles(_folder).Count(path => IsVisible(path) && ImageExtensions.Include(Path.GetExtension(path)));
    }

    /// <summary>
    /// The visible files in a class folder and below. Links to folders are followed after all folders themselves, and nothing is listed twice, so
    /// that a link to a folder above it ends there. A link to the image folder, or to one above it, is not followed: images of other classes lie there.
    /// </summary>
    private List<string> FilesOf(string classFolder)
    {
        List<string> files = [];
        List<string> links = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        Walk(classFolder);
        for (int i = 0; i < links.Count; i++)
        {
            if (!LeadsAbove(links[i], classFolder))
            {
                Walk(links[i]);
            }
        }

        ILookup<bool, string> byLink = files.ToLookup(IsLink);
        if (links.Count == 0 && !byLink[true].Any())
        {
            return files;
        }

        // Links to files come last for the same reason.
        List<string> distinct = [.. byLink[false].Concat(byLink[true].Order(StringComparer.Ordinal)).Where(path => seen.Add(RealPath(path)))];
        _repeated += files.Count - distinct.Count;
        return distinct;

        void Walk(string folder)
        {
            if (!seen.Add(RealPath(folder)))
            {
                _repeated++;
                return;
            }

            files.AddRange(Directory.EnumerateFiles(folder).Where(IsVisible));
            foreach (string inner in Directory.EnumerateDirectories(folder).Where(IsVisible).Order(StringComparer.Ordinal))
            {
                if (IsLink(inner))
                {
                    links.Add(inner);
                }
                else
                {
                    Walk(inner);
                }
            }
        }
    }

    /// <summary>Whether a link is to a folder or to one above it; such links are counted.</summary>
    private bool LeadsAbove(string link, string folder)
    {
        string target = RealPath(link);
        bool isAbove = (RealPath(folder) + Path.DirectorySeparatorChar).StartsWith(Path.EndsInDirectorySeparator(target) ? target : target + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        _repeated += isAbove ? 1 : 0;
        return isAbove;
    }

    /// <summary>By the extension where that tells, else by the content.</summary>
    private bool IsImage(string path)
    {
        string extension = Path.GetExtension(path);
        if (ImageExtensions.Include(extension) || ImageSignature.IsSupported(Head(path)))
        {
            return true;
        }

        _leftOut[extension] = _leftOut.GetValueOrDefault(extension) + 1;
        return false;
    }

    private static ReadOnlySpan<byte> Head(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            byte[] head = new byte[HeadLength];
            return head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // Counted among those that are left out.
        }
    }

    private IEnumerable<string> Warnings()
    {
        if (_leftOut.Count > 0)
        {
            yield return $"Of the image folder '{_folder}', files that hold no {ImageSignature.SupportedFormats} are left out: {DescribeLeftOut()}. Convert them, or remove them.";
        }

        if (_emptyClasses.Count > 0)
        {
            string more = _emptyClasses.Count > ClassesShown ? $" and {_emptyClasses.Count - ClassesShown} more" : "";
            yield return $"{_emptyClasses.Count} sub-folders of the image folder '{_folder}' have no image and give no class: {string.Join(", ", _emptyClasses.Take(ClassesShown).Select(name => $"'{name}'"))}{more}.";
        }

        if (_repeated > 0)
        {
            yield return $"Of the image folder '{_folder}', {_repeated} links to files or folders that are listed already are left out.";
        }

        if (_besideClasses > 0)
        {
            yield return $"{_besideClasses} images lie in the image folder '{_folder}' itself, beside the sub-folders, and are left out: they have no class.";
        }
    }

    private string DescribeLeftOut()
    {
        string[] counts =
        [
            .. _leftOut.OrderByDescending(item => item.Value).ThenBy(item => item.Key, StringComparer.Ordinal)
                .Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Value} {(item.Key.Length == 0 ? "without extension" : item.Key)}")),
        ];
        return string.Join(", ", counts.Take(ExtensionsShown)) + (counts.Length > ExtensionsShown ? $" and {counts.Length - ExtensionsShown} other extensions" : "");
    }

    /// <summary>Not hidden by its name, as on Unix, nor by its attributes, as on Windows.</summary>
    private static bool IsVisible(string path)
        => !Path.GetFileName(path).StartsWith('.') && (!OperatingSystem.IsWindows() || (File.GetAttributes(path) & (FileAttributes.Hidden | FileAttributes.System)) == 0);

    private static bool IsLink(string path) => (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;

    /// <summary>The path without links: each of its parts is followed.</summary>
    private static string RealPath(string path)
    {
        // As many links as Linux follows.
        const int most = 40;
        string full = Path.GetFullPath(path);
        string current = Path.GetPathRoot(full)!;
        var parts = new Stack<string>(Enumerable.Reverse(full[current.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)));
        int followed = 0;
        while (parts.TryPop(out string? part))
        {
            current = Path.Combine(current, part);
            if (new FileInfo(current).LinkTarget is { } target && followed++ < most)
            {
                string resolved = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(current)!, target));
                current = Path.GetPathRoot(resolved)!;
                foreach (string inner in Enumerable.Reverse(resolved[current.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)))
                {
                    parts.Push(inner);
                }
            }
        }

        return current;
    }
}
