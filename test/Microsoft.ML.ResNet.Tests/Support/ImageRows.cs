using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A row of an image in every form that the trainer takes.</summary>
internal sealed class ImageRow
{
    public string Label { get; set; } = "";

    public string ImagePath { get; set; } = "";

    public byte[] Content { get; set; } = [];

    [ImageType(1, 1)]
    public MLImage? Image { get; set; }
}

/// <summary>Class folders of small pictures that a tiny network tells apart by colour.</summary>
internal static class ImageRows
{
    public static readonly string[] Classes = ["blue", "green", "red"];

    /// <summary>Writes PNG files of 20 x 14 pixels with noise, and lists them as rows with their content; images are not opened.</summary>
    public static List<ImageRow> Write(string folder, int count, int width = 20, int height = 14)
    {
        var random = new Random(1);
        List<ImageRow> rows = [];
        for (int i = 0; i < count; i++)
        {
            string label = Classes[i % 3];
            Directory.CreateDirectory(Path.Combine(folder, label));
            string path = Path.Combine(folder, label, $"{i:000}.png");
            File.WriteAllBytes(path, Encode(i % 3, random, width, height));
            rows.Add(new ImageRow { Label = label, ImagePath = path, Content = File.ReadAllBytes(path) });
        }

        return rows;
    }

    public static ResNetTrainer.Options Options(string column, int epochs = 2) => new()
    {
        FeatureColumnName = column,
        Specification = PixelRows.TinyNetwork,
        Epochs = epochs,
        BatchSize = 8,
        LearningRate = 0.05,
        WarmupEpochs = 0,
    };

    private static byte[] Encode(int brightChannel, Random random, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                byte[] colour = [(byte)random.Next(120), (byte)random.Next(120), (byte)random.Next(120)];
                colour[2 - brightChannel] += 120;
                bitmap.SetPixel(x, y, new SKColor(colour[0], colour[1], colour[2]));
            }
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
