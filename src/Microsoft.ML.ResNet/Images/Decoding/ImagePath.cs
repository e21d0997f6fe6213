namespace Microsoft.ML.ResNet.Images;

/// <summary>Image paths as a column holds them.</summary>
internal static class ImagePath
{
    /// <summary>The path to open; empty where the column's is.</summary>
    public static string Combine(ReadOnlyMemory<char> path, string? folder)
    {
        string text = path.Span.IsWhiteSpace() ? "" : path.ToString();
        return folder is null || text.Length == 0 ? text : Path.Combine(folder, text);
    }

    /// <summary>What is wrong with a row that has no path.</summary>
    public static InvalidDataException Empty(long row) => new($"Row {row} has an empty image path, expected the path of an image file.");
}
