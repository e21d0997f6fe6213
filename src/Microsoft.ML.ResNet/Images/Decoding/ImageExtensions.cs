namespace Microsoft.ML.ResNet.Images;

/// <summary>The extensions of image files that can be decoded.</summary>
internal static class ImageExtensions
{
    private static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif" };

    /// <param name="extension">With its dot.</param>
    public static bool Include(string extension) => s_extensions.Contains(extension);
}
