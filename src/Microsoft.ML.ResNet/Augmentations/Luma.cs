using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>The grey of a colour, by ITU-R BT.601, in Pillow's integer arithmetic for uint8 (src/libImaging/Convert.c, L24).</summary>
internal static class Luma
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of<T>(T red, T green, T blue)
        where T : unmanaged
        => typeof(T) == typeof(byte)
            ? ((Unsafe.BitCast<T, byte>(red) * 19595) + (Unsafe.BitCast<T, byte>(green) * 38470) + (Unsafe.BitCast<T, byte>(blue) * 7471) + 0x8000) >> 16
            : (PixelValue.ToSingle(red) * 0.299f) + (PixelValue.ToSingle(green) * 0.587f) + (PixelValue.ToSingle(blue) * 0.114f);

    /// <summary>The same of eight pixels of bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Of(Vector256<int> red, Vector256<int> green, Vector256<int> blue)
        => Vector256.ShiftRightArithmetic((red * 19595) + (green * 38470) + (blue * 7471) + Vector256.Create(0x8000), 16);

    /// <summary>The mean grey of an image with three channels; of others the mean of all values.</summary>
    public static double Mean<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        ReadOnlySpan<T> values = image.Values;
        double sum = 0;
        if (image.Channels == 3)
        {
            int i = 0;
            if (typeof(T) == typeof(byte))
            {
                i = AddBlocks(MemoryMarshal.AsBytes(values), out long blocks);
                sum = blocks;
            }

            for (; i + 2 < values.Length; i += 3)
            {
                sum += Of(values[i], values[i + 1], values[i + 2]);
            }

            return sum / (values.Length / 3);
        }

        foreach (T value in values)
        {
            sum += PixelValue.ToSingle(value);
        }

        return sum / values.Length;
    }

    /// <summary>Sums the greys of whole blocks of pixels, which are integers.</summary>
    /// <returns>The values that are done.</returns>
    private static int AddBlocks(ReadOnlySpan<byte> values, out long sum)
    {
        // 2^15 blocks of twice 255 a lane stay far below 2^31.
        const int most = PixelBlock.Length << 15;
        sum = 0;
        int i = 0;
        while (i + PixelBlock.Length <= values.Length)
        {
            int end = Math.Min(values.Length, i + most);
            Vector256<int> greys = default;
            for (; i + PixelBlock.Length <= end; i += PixelBlock.Length)
            {
                PixelBlock block = PixelBlock.Load(ref Unsafe.Add(ref MemoryMarshal.GetReference(values), i));
                var (redLow, redHigh) = PixelBlock.Widen(block.Red);
                var (greenLow, greenHigh) = PixelBlock.Widen(block.Green);
                var (blueLow, blueHigh) = PixelBlock.Widen(block.Blue);
                greys += Of(redLow, greenLow, blueLow) + Of(redHigh, greenHigh, blueHigh);
            }

            sum += Vector256.Sum(greys);
        }

        return i;
    }
}
