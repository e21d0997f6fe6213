using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Moves the pixels of an image along an affine map, bilinear, black where the source lies outside: Pillow's
/// <c>transform(AFFINE, BILINEAR)</c>, but rounded to nearest.
/// </summary>
/// <remarks>
/// The map leads from the target to the source, in coordinates in which pixel i covers i to i + 1:
/// <c>x = XX * x' + XY * y' + X0</c>, <c>y = YX * x' + YY * y' + Y0</c>.
/// </remarks>
internal readonly record struct AffineWarp(double XX, double XY, double X0, double YX, double YY, double Y0)
{
    /// <summary>Shifts the picture to the right by so many pixels, and down.</summary>
    public static AffineWarp Translation(double right, double down) => new(1, 0, -right, 0, 1, -down);

    /// <summary>Shifts each row to the left by <paramref name="x"/> times its distance from the top, and each column up by <paramref name="y"/> times its distance from the left.</summary>
    public static AffineWarp Shear(double x, double y) => new(1, x, 0, y, 1, 0);

    /// <summary>Turns the picture about its centre, counterclockwise.</summary>
    public static AffineWarp Rotation(double degrees, int width, int height)
    {
        var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
        double x = width / 2.0, y = height / 2.0;
        return new AffineWarp(cosine, -sine, x - (cosine * x) + (sine * y), sine, cosine, y - (sine * x) - (cosine * y));
    }

    /// <summary>Moves the pixels of an image.</summary>
    public void Apply<T>(ImageSpan<T> image, AugmentationScratch scratch)
        where T : unmanaged
    {
        ReadOnlySpan<T> source = scratch.Copy<T>(image.Values);
        int channels = image.Channels;
        for (int y = 0; y < image.Height; y++)
        {
            Span<T> row = image.Row(y);
            double startX = (XX * 0.5) + (XY * (y + 0.5)) + X0, startY = (YX * 0.5) + (YY * (y + 0.5)) + Y0;
            for (int i = 0, x = 0; i < row.Length; i += channels, x++)
            {
                double sourceX = startX + (XX * x), sourceY = startY + (YX * x);
                if (typeof(T) == typeof(byte) && channels == 3 && i + sizeof(uint) <= row.Length && IsInside(sourceX, sourceY, image.Width, image.Height))
                {
                    ref byte target = ref Unsafe.As<T, byte>(ref row[i]);
                    Unsafe.WriteUnaligned(ref target, InterpolateThree(MemoryMarshal.AsBytes(source), image.Width, sourceX, sourceY));
                    continue;
                }

                Span<T> pixel = row.Slice(i, channels);
                if (sourceX >= 0 && sourceX < image.Width && sourceY >= 0 && sourceY < image.Height)
                {
                    Interpolate(source, image, sourceX, sourceY, pixel);
                }
                else
                {
                    pixel.Clear();
                }
            }
        }
    }

    /// <summary>Whether all four pixels about a point lie in the image, none of them its last.</summary>
    private static bool IsInside(double x, double y, int width, int height) => x >= 0.5 && x < width - 1.5 && y >= 0.5 && y < height - 1.5;

    /// <summary>As <see cref="Interpolate{T}"/>, three bytes at once; the fourth is no part of the pixel.</summary>
    private static uint InterpolateThree(ReadOnlySpan<byte> source, int width, double x, double y)
    {
        int left = (int)(x + 0.5) - 1, top = (int)(y + 0.5) - 1, upper = ((top * width) + left) * 3, lower = upper + (width * 3);
        var weightX = Vector128.Create((float)(x - 0.5 - left));
        var weightY = Vector128.Create((float)(y - 0.5 - top));
        Vector128<float> upperLeft = Load(source, upper), lowerLeft = Load(source, lower);
        Vector128<float> above = upperLeft + ((Load(source, upper + 3) - upperLeft) * weightX);
        Vector128<float> below = lowerLeft + ((Load(source, lower + 3) - lowerLeft) * weightX);
        Vector128<int> rounded = Vector128.ConvertToInt32(above + ((below - above) * weightY) + Vector128.Create(0.5f));
        Vector128<short> shorts = Vector128.Narrow(rounded, Vector128<int>.Zero);
        return Vector128.Narrow(shorts.AsUInt16(), Vector128<ushort>.Zero).AsUInt32().ToScalar();
    }

    private static Vector128<float> Load(ReadOnlySpan<byte> source, int at)
    {
        uint four = MemoryMarshal.Read<uint>(source[at..]);
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(four).AsByte())).AsInt32());
    }

    private static void Interpolate<T>(ReadOnlySpan<T> source, ImageSpan<T> image, double x, double y, Span<T> pixel)
        where T : unmanaged
    {
        // Pixel i has its centre at i + 0.5. Beyond the outermost centres the outermost pixels count, as in Pillow.
        int left = (int)(x + 0.5) - 1, top = (int)(y + 0.5) - 1;
        float weightX = (float)(x - 0.5 - left), weightY = (float)(y - 0.5 - top);
        int right = Math.Min(left + 1, image.Width - 1), bottom = Math.Min(top + 1, image.Height - 1);
        left = Math.Max(left, 0);
        top = Math.Max(top, 0);

        int channels = pixel.Length, upper = top * image.Width, lower = bottom * image.Width;
        ReadOnlySpan<T> upperLeft = source.Slice((upper + left) * channels, channels), upperRight = source.Slice((upper + right) * channels, channels);
        ReadOnlySpan<T> lowerLeft = source.Slice((lower + left) * channels, channels), lowerRight = source.Slice((lower + right) * channels, channels);
        for (int channel = 0; channel < pixel.Length; channel++)
        {
            float above = Between(upperLeft[channel], upperRight[channel], weightX);
            float below = Between(lowerLeft[channel], lowerRight[channel], weightX);
            pixel[channel] = PixelValue.Round<T>(above + ((below - above) * weightY));
        }
    }

    private static float Between<T>(T from, T to, float weight)
        where T : unmanaged
    {
        float start = PixelValue.ToSingle(from);
        return start + ((PixelValue.ToSingle(to) - start) * weight);
    }
}
