using System.Runtime.InteropServices;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>A temporary folder of JPEG files of 500 x 375 with the detail of photographs, in two class folders.</summary>
internal sealed class PhotoFolder : IDisposable
{
    public PhotoFolder(int count)
    {
        Root = Directory.CreateTempSubdirectory("resnet-benchmarks-").FullName;
        Parallel.For(0, count, i =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(Root, i % 2 == 0 ? "even" : "odd")).FullName;
            File.WriteAllBytes(Path.Combine(folder, $"{i:0000}.jpg"), Draw(new Random(i)));
        });
    }

    public string Root { get; }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>Soft shapes over a gradient, with grain: about 50 kB at quality 90.</summary>
    private static byte[] Draw(Random random)
    {
        const int width = 500, height = 375;
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            using var paint = new SKPaint { IsAntialias = true };
            paint.Shader = SKShader.CreateLinearGradient(new SKPoint(0, 0), new SKPoint(width, height), [Colour(random), Colour(random)], SKShaderTileMode.Clamp);
            canvas.DrawRect(0, 0, width, height, paint);
            paint.Shader = null;
            for (int i = 0; i < 150; i++)
            {
                paint.Color = Colour(random).WithAlpha((byte)random.Next(60, 220));
                canvas.DrawOval(random.Next(width), random.Next(height), random.Next(2, 60), random.Next(2, 60), paint);
            }
        }

        byte[] pixels = bitmap.Bytes;
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = i % 4 == 3 ? (byte)255 : (byte)Math.Clamp(pixels[i] + random.Next(-6, 7), 0, 255);
        }

        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        return data.ToArray();
    }

    private static SKColor Colour(Random random) => new((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));
}
