using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A folder of class folders with tiny images of one colour each, that any network learns to tell apart.</summary>
internal static class ColourFolder
{
    public const string Red = "red";

    /// <summary>A class name that needs more than ASCII.</summary>
    public const string Blue = "синий";

    private const int ImageCount = 12;
    private const int Side = 16;

    public static void Create(string folder, params string[] classes)
    {
        foreach (string name in classes)
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
            for (int i = 0; i < ImageCount; i++)
            {
                byte level = (byte)(120 + (i * 10));
                var colour = name == Red ? new SKColor(level, 20, 20) : new SKColor(20, 20, level);
                Write(Path.Combine(folder, name, $"{i:D2}.png"), colour);
            }
        }
    }

    private static void Write(string path, SKColor colour)
    {
        using var bitmap = new SKBitmap(Side, Side);
        bitmap.Erase(colour);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
