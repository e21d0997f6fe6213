using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Operations that give a value a new one by its level of 0 to 255 alone, with Pillow's definitions. They fill a curve of 256 levels,
/// which is looked up for uint8 and interpolated for float32, where levels are what lies between black and white.
/// </summary>
internal static class ToneCurve
{
    public const int Levels = 256;

    private const int Top = Levels - 1;

    /// <summary>Blends with black: 0 is black, 1 leaves the image as it is.</summary>
    public static void Brightness<T>(ImageSpan<T> image, float factor)
        where T : unmanaged
        => Blend(image, 0, factor);

    /// <summary>Blends with the mean grey of the image: 0 is grey, 1 leaves the image as it is.</summary>
    public static void Contrast<T>(ImageSpan<T> image, float factor)
        where T : unmanaged
    {
        double mean = Luma.Mean(image) * (Top / image.White);
        Blend(image, typeof(T) == typeof(byte) ? (int)(mean + 0.5) : (float)mean, factor);
    }

    /// <summary>Keeps the upper bits of each level.</summary>
    /// <param name="bits">1 to 8.</param>
    public static void Posterize<T>(ImageSpan<T> image, int bits)
        where T : unmanaged
    {
        Span<float> curve = stackalloc float[Levels];
        for (int level = 0; level < Levels; level++)
        {
            curve[level] = level & ~((1 << (8 - bits)) - 1);
        }

        ApplyToAll(image, curve);
    }

    /// <summary>Inverts the levels from <paramref name="threshold"/> on.</summary>
    public static void Solarize<T>(ImageSpan<T> image, double threshold)
        where T : unmanaged
    {
        Span<float> curve = stackalloc float[Levels];
        for (int level = 0; level < Levels; level++)
        {
            curve[level] = level < threshold ? level : Top - level;
        }

        ApplyToAll(image, curve);
    }

    /// <summary>Stretches each channel so that its darkest value is black and its brightest white.</summary>
    public static void AutoContrast<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        Span<float> curve = stackalloc float[Levels];
        Span<int> histogram = stackalloc int[Levels];
        for (int channel = 0; channel < image.Channels; channel++)
        {
            Count(image, channel, histogram);
            int darkest = histogram.IndexOfAnyExcept(0), brightest = histogram.LastIndexOfAnyExcept(0);
            if (brightest <= darkest)
            {
                continue;
            }

            double scale = (double)Top / (brightest - darkest), offset = -darkest * scale;
            for (int level = 0; level < Levels; level++)
            {
                curve[level] = Math.Clamp((int)((level * scale) + offset), 0, Top);
            }

            ApplyToChannel(image, channel, curve);
        }
    }

    /// <summary>Spreads the levels of each channel so that they are about equally frequent.</summary>
    public static void Equalize<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        Span<float> curve = stackalloc float[Levels];
        Span<int> histogram = stackalloc int[Levels];
        for (int channel = 0; channel < image.Channels; channel++)
        {
            Count(image, channel, histogram);
            int step = ((image.Values.Length / image.Channels) - histogram[histogram.LastIndexOfAnyExcept(0)]) / Top;
            if (step == 0)
            {
                continue;
            }

            int sum = step / 2;
            for (int level = 0; level < Levels; level++)
            {
                curve[level] = Math.Min(sum / step, Top);
                sum += histogram[level];
            }

            ApplyToChannel(image, channel, curve);
        }
    }

    private static void Blend<T>(ImageSpan<T> image, float other, float factor)
        where T : unmanaged
    {
        if (typeof(T) == typeof(byte))
        {
            Blend(MemoryMarshal.AsBytes(image.Values), other, factor);
            return;
        }

        Span<float> curve = stackalloc float[Levels];
        for (int level = 0; level < Levels; level++)
        {
            curve[level] = Math.Clamp(other + (factor * (level - other)), 0, Top);
        }

        ApplyToAll(image, curve);
    }

    private static void Blend(Span<byte> values, float other, float factor)
    {
        int i = 0;
        ref byte first = ref MemoryMarshal.GetReference(values);
        for (; i + Vector128<byte>.Count <= values.Length; i += Vector128<byte>.Count)
        {
            var (low, high) = PixelBlock.ToSingle(Vector128.LoadUnsafe(ref first, (nuint)i));
            PixelBlock.ToBytes(Blend(low, other, factor), Blend(high, other, factor)).StoreUnsafe(ref first, (nuint)i);
        }

        for (; i < values.Length; i++)
        {
            values[i] = PixelValue.Clip<byte>(other + (factor * (values[i] - other)), Top);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Blend(Vector256<float> levels, float other, float factor)
    {
        Vector256<float> others = Vector256.Create(other);
        return Vector256.Min(Vector256.Max(others + ((levels - others) * factor), Vector256<float>.Zero), Vector256.Create((float)Top));
    }

    private static void Count<T>(ImageSpan<T> image, int channel, Span<int> histogram)
        where T : unmanaged
    {
        histogram.Clear();
        float scale = Top / image.White;
        for (int i = channel; i < image.Values.Length; i += image.Channels)
        {
            histogram[Math.Clamp((int)((PixelValue.ToSingle(image.Values[i]) * scale) + 0.5f), 0, Top)]++;
        }
    }

    private static void ApplyToAll<T>(ImageSpan<T> image, ReadOnlySpan<float> curve)
        where T : unmanaged
        => Apply(image.Values, 1, curve, image.White);

    private static void ApplyToChannel<T>(ImageSpan<T> image, int channel, ReadOnlySpan<float> curve)
        where T : unmanaged
        => Apply(image.Values[channel..], image.Channels, curve, image.White);

    private static void Apply<T>(Span<T> values, int step, ReadOnlySpan<float> curve, float white)
        where T : unmanaged
    {
        if (typeof(T) == typeof(byte))
        {
            Span<T> table = stackalloc T[Levels];
            for (int level = 0; level < Levels; level++)
            {
                table[level] = PixelValue.Clip<T>(curve[level], Top);
            }

            for (int i = 0; i < values.Length; i += step)
            {
                values[i] = table[(int)PixelValue.ToSingle(values[i])];
            }

            return;
        }

        float toLevel = Top / white, fromLevel = white / Top;
        for (int i = 0; i < values.Length; i += step)
        {
            float level = Math.Clamp(PixelValue.ToSingle(values[i]) * toLevel, 0, Top);
            int below = Math.Min((int)level, Top - 1);
            values[i] = PixelValue.Round<T>((curve[below] + ((curve[below + 1] - curve[below]) * (level - below))) * fromLevel);
        }
    }
}
