using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Turns four bytes a pixel into RGB, composed on <see cref="PixelImage.Background"/>.</summary>
internal static class PixelPacking
{
    /// <summary>Drops the fourth byte of each pixel.</summary>
    /// <param name="rgbx">[n,4] uint8.</param>
    /// <param name="rgb">[n,3] uint8.</param>
    public static void PackOpaque(ReadOnlySpan<byte> rgbx, Span<byte> rgb)
    {
        int count = CountPixels(rgbx, rgb);
        int pixel = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            ref byte source = ref MemoryMarshal.GetReference(rgbx);
            ref byte target = ref MemoryMarshal.GetReference(rgb);
            // Four pixels a step. 16 bytes are stored, of which the last four belong to the next step: stop where they would not.
            for (; pixel + 6 <= count; pixel += 4)
            {
                Vector128<byte> four = Vector128.LoadUnsafe(ref source, (nuint)(pixel * 4));
                Vector128.Shuffle(four, Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255)).StoreUnsafe(ref target, (nuint)(pixel * 3));
            }
        }

        for (; pixel < count; pixel++)
        {
            rgbx.Slice(pixel * 4, 3).CopyTo(rgb.Slice(pixel * 3, 3));
        }
    }

    /// <summary>Composes pixels whose colours are not multiplied by alpha.</summary>
    /// <param name="rgba">[n,4] uint8.</param>
    /// <param name="rgb">[n,3] uint8.</param>
    public static void PackUnpremultiplied(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        int count = CountPixels(rgba, rgb);
        for (int pixel = 0; pixel < count; pixel++)
        {
            ReadOnlySpan<byte> from = rgba.Slice(pixel * 4, 4);
            Span<byte> to = rgb.Slice(pixel * 3, 3);
            int alpha = from[3];
            int background = ((255 - alpha) * PixelImage.Background) + 127;
            to[0] = (byte)(((alpha * from[0]) + background) / 255);
            to[1] = (byte)(((alpha * from[1]) + background) / 255);
            to[2] = (byte)(((alpha * from[2]) + background) / 255);
        }
    }

    /// <summary>Composes pixels whose colours are multiplied by alpha.</summary>
    /// <param name="pixels">[n,4] uint8, RGBA or BGRA.</param>
    /// <param name="rgb">[n,3] uint8.</param>
    /// <param name="blueFirst">Whether the pixels are BGRA.</param>
    public static void PackPremultiplied(ReadOnlySpan<byte> pixels, Span<byte> rgb, bool blueFirst)
    {
        int count = CountPixels(pixels, rgb);
        int red = blueFirst ? 2 : 0;
        int blue = 2 - red;
        for (int pixel = 0; pixel < count; pixel++)
        {
            ReadOnlySpan<byte> from = pixels.Slice(pixel * 4, 4);
            Span<byte> to = rgb.Slice(pixel * 3, 3);
            // White times (1 - alpha). The sum passes 255 only where a colour was not multiplied by its alpha.
            int background = 255 - from[3];
            to[0] = (byte)Math.Min(255, from[red] + background);
            to[1] = (byte)Math.Min(255, from[1] + background);
            to[2] = (byte)Math.Min(255, from[blue] + background);
        }
    }

    private static int CountPixels(ReadOnlySpan<byte> four, Span<byte> three)
    {
        int count = three.Length / 3;
        if (three.Length % 3 != 0 || four.Length < count * 4)
        {
            throw new ArgumentException($"{three.Length} bytes of RGB cannot come from {four.Length} bytes of four a pixel.", nameof(four));
        }

        return count;
    }
}
