using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The grey of a colour, by ITU-R BT.601, in Pillow's integer arithmetic for uint8 (src/libImaging/Convert.c, L24).</summary>
internal static class Luma
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of<T>(T red, T green, T blue)
        where T : unmanaged
        => typeof(T) == typeof(byte)
            ? ((Unsafe.BitCast<T, byte>(red) * 19595) + (Unsafe.BitCast<T, byte>(green) * 38470) + (Unsafe.BitCast<T, byte>(blue) * 7471) + 0x8000) >> 16
            : (PixelValue.ToSingle(red) * 0.299f) + (PixelValue.ToSingle(green) * 0.587f) + (PixelValue.ToSingle(blue) * 0.114f);

    /// <summary>The mean grey of an image with three channels; of others the mean of all values.</summary>
    public static double Mean<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        ReadOnlySpan<T> values = image.Values;
        double sum = 0;
        if (image.Channels == 3)
        {
            for (int i = 0; i + 2 < values.Length; i += 3)
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
}
