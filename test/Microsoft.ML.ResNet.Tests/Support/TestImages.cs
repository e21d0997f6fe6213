using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Makes the images that the tests decode.</summary>
internal static class TestImages
{
    /// <summary>A palette of red, green, blue and yellow.</summary>
    public static readonly byte[] FourColours = [200, 40, 40, 40, 180, 60, 50, 60, 200, 220, 210, 60];

    /// <summary>A picture whose quarters have different colours.</summary>
    public static byte[] EncodeQuadrants(SKEncodedImageFormat format, int width, int height) => Encode(format, width, height, (x, y) => Quadrant(x, y, width, height));

    public static readonly (byte R, byte G, byte B) Red = (200, 40, 40);
    public static readonly (byte R, byte G, byte B) Green = (40, 180, 60);
    public static readonly (byte R, byte G, byte B) Blue = (50, 60, 200);
    public static readonly (byte R, byte G, byte B) Yellow = (220, 210, 60);

    /// <summary>An 8x8 JPEG of one colour, CMYK (30,120,200,60), stored inverted with Adobe's marker, transform 0 (written by Pillow).</summary>
    public static byte[] CmykJpeg => Convert.FromBase64String(
        "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgA"
        + "CAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGh"
        + "CCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqy"
        + "s7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD9hK3K/Nuv0Mr/2Q==");

    /// <summary>Deterministic pixels with detail in every direction; the golden values of the resizer were computed from the same.</summary>
    public static byte[] Pattern(int width, int height)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int c = i % 3;
            int x = i / 3 % width;
            int y = i / 3 / width;
            pixels[i] = (byte)((x * 37) + (y * 91) + (c * 53) + (x * y * 7));
        }

        return pixels;
    }

    public static (byte R, byte G, byte B) Quadrant(int x, int y, int width, int height) =>
        (x < width / 2, y < height / 2) switch
        {
            (true, true) => Red,
            (false, true) => Green,
            (true, false) => Blue,
            _ => Yellow,
        };

    public static byte[] Encode(SKEncodedImageFormat format, int width, int height, Func<int, int, (byte R, byte G, byte B)> colour, int quality = 95)
    {
        byte[] pixels = new byte[width * height * 4];
        for (int i = 0; i < width * height; i++)
        {
            (pixels[i * 4], pixels[(i * 4) + 1], pixels[(i * 4) + 2]) = colour(i % width, i / width);
            pixels[(i * 4) + 3] = 255;
        }

        return Encode(format, width, height, pixels, quality);
    }

    public static byte[] Encode(SKEncodedImageFormat format, int width, int height, byte[] rgba, int quality = 95)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        using SKData data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    /// <summary>Pixels that do not compress: a cut anywhere takes pixels away.</summary>
    public static (byte R, byte G, byte B) Noise(int x, int y)
    {
        uint hash = ((uint)x * 2654435761) ^ ((uint)y * 2246822519);
        hash ^= hash >> 15;
        hash *= 3266489917;
        return ((byte)(hash >> 8), (byte)(hash >> 16), (byte)(hash >> 24));
    }

    /// <summary>Puts an EXIF segment with an orientation after the start of a JPEG.</summary>
    public static byte[] WithOrientation(byte[] jpeg, int orientation) =>
    [
        .. jpeg.AsSpan(0, 2),
        0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        .. jpeg.AsSpan(2),
    ];

    /// <summary>A 24-bit BMP, bottom row first.</summary>
    public static byte[] Bmp(int width, int height, Func<int, int, (byte R, byte G, byte B)> colour)
    {
        int stride = ((width * 3) + 3) / 4 * 4;
        byte[] file = new byte[54 + (stride * height)];
        file[0] = (byte)'B';
        file[1] = (byte)'M';
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        file[10] = 54;
        file[14] = 40;
        BitConverter.TryWriteBytes(file.AsSpan(18), width);
        BitConverter.TryWriteBytes(file.AsSpan(22), height);
        file[26] = 1;
        file[28] = 24;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int at = 54 + ((height - 1 - y) * stride) + (x * 3);
                (file[at + 2], file[at + 1], file[at]) = colour(x, y);
            }
        }

        return file;
    }

    public static (byte R, byte G, byte B) At(PixelImage image, int x, int y)
    {
        ReadOnlySpan<byte> pixel = image.Span.Slice(((y * image.Width) + x) * 3, 3);
        return (pixel[0], pixel[1], pixel[2]);
    }

    public static void AssertNear((byte R, byte G, byte B) expected, (byte R, byte G, byte B) actual, int tolerance, string where = "")
    {
        int difference = Math.Max(Math.Abs(expected.R - actual.R), Math.Max(Math.Abs(expected.G - actual.G), Math.Abs(expected.B - actual.B)));
        Assert.IsTrue(difference <= tolerance, $"Expected {expected}, got {actual} {where}");
    }

    public static void AssertQuadrants(PixelImage image, int tolerance)
    {
        int x = image.Width / 4;
        int y = image.Height / 4;
        AssertNear(Red, At(image, x, y), tolerance, "top left");
        AssertNear(Green, At(image, 3 * x, y), tolerance, "top right");
        AssertNear(Blue, At(image, x, 3 * y), tolerance, "bottom left");
        AssertNear(Yellow, At(image, 3 * x, 3 * y), tolerance, "bottom right");
    }
}
