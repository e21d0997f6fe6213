namespace Microsoft.ML.ResNet.Images;

/// <summary>A folder with a sub-folder of images for each class.</summary>
internal static class ImageFolder
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];

    /// <summary>Lists the images, sorted by class and path.</summary>
    public static List<LabeledImageFile> List(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"The image folder '{folder}' doesn't exist.");
        }

        string[] classes = [.. Visible(Directory.GetDirectories(folder)).Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
        {
            throw new InvalidOperationException($"The image folder '{folder}' has no sub-folders, expected one for each class, with its images in it.");
        }

        List<LabeledImageFile> files = [.. classes.SelectMany(ListClass)];
        return files.Count > 0
            ? files
            : throw new InvalidOperationException($"No sub-folder of '{folder}' has an image, expected files that end in {string.Join(", ", Extensions)}.");
    }

    private static IEnumerable<LabeledImageFile> ListClass(string classFolder)
    {
        string label = Path.GetFileName(classFolder);
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden | FileAttributes.System };
        return Visible(Directory.EnumerateFiles(classFolder, "*", options))
            .Where(path => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)
            .Select(path => new LabeledImageFile { ImagePath = path, Label = label });
    }

    /// <summary>Without those whose name begins with a dot, such as a file manager's thumbnails.</summary>
    private static IEnumerable<string> Visible(IEnumerable<string> paths) => paths.Where(path => !Path.GetFileName(path).StartsWith('.'));
}

/// <summary>A row of an image folder.</summary>
internal sealed class LabeledImageFile
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}
