using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Resizes a box of an image with antialiasing, any number of channels, uint8 or float32: what cutting the box out and Pillow's BILINEAR
/// give, but rounded once instead of twice. <c>ImageResizer</c> is for RGB bytes and keeps tables by size; boxes here never come again.
/// </summary>
internal static class BoxResampler
{
    /// <summary>Floats behind a row that vector code may read.</summary>
    private const int Slack = 4;

    /// <summary>Fills the target with the box.</summary>
    /// <param name="source">The whole image, interleaved.</param>
    public static void Resize<T>(ReadOnlySpan<T> source, int sourceWidth, in CropBox box, ImageSpan<T> target, AugmentationScratch scratch)
        where T : unmanaged
    {
        int channels = target.Channels, length = box.Width * channels;
        scratch.Columns.Compute(box.Width, target.Width);
        scratch.Rows.Compute(box.Height, target.Height);
        Span<float> row = scratch.Row(length + Slack);
        row[length..].Clear();
        for (int y = 0; y < target.Height; y++)
        {
            Span<float> sum = row[..length];
            int at = (((box.Top + scratch.Rows.Start(y)) * sourceWidth) + box.Left) * channels;
            AcrossRows(source[at..], sourceWidth * channels, scratch.Rows.Weights(y), sum);
            AlongRow(row, scratch.Columns, target.Row(y), channels);
        }
    }

    /// <summary>Sums rows, each times its weight, in their order.</summary>
    /// <param name="source">From the first value of the first row on.</param>
    /// <param name="step">From a row to the next.</param>
    private static unsafe void AcrossRows<T>(ReadOnlySpan<T> source, int step, ReadOnlySpan<float> weights, Span<float> sum)
        where T : unmanaged
    {
        int done = 0;
        if (typeof(T) == typeof(byte) && Avx2.IsSupported)
        {
            // The last row's end is checked here, so that none is read beyond.
            _ = source.Slice((weights.Length - 1) * step, sum.Length);
            fixed (T* first = source)
            fixed (float* target = sum)
            {
                done = AcrossRows((byte*)first, step, weights, target, sum.Length);
            }
        }

        if (done == sum.Length)
        {
            return;
        }

        sum[done..].Clear();
        for (int tap = 0; tap < weights.Length; tap++)
        {
            AddScaled(sum[done..], source.Slice((tap * step) + done, sum.Length - done), weights[tap]);
        }
    }

    /// <summary>With the sums of 32 values, or of 8, in registers.</summary>
    /// <returns>The values that are done; fewer than 8 are left.</returns>
    private static unsafe int AcrossRows(byte* source, int step, ReadOnlySpan<float> weights, float* sum, int length)
    {
        const int wide = 32, narrow = 8;
        int i = 0;
        for (; i <= length - wide; i += wide)
        {
            byte* at = source + i;
            Vector256<float> first = default, second = default, third = default, fourth = default;
            foreach (float weight in weights)
            {
                Vector256<float> factor = Vector256.Create(weight);
                first += Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(at)) * factor;
                second += Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(at + narrow)) * factor;
                third += Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(at + (2 * narrow))) * factor;
                fourth += Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(at + (3 * narrow))) * factor;
                at += step;
            }

            first.Store(sum + i);
            second.Store(sum + i + narrow);
            third.Store(sum + i + (2 * narrow));
            fourth.Store(sum + i + (3 * narrow));
        }

        for (; i <= length - narrow; i += narrow)
        {
            byte* at = source + i;
            Vector256<float> eight = default;
            foreach (float weight in weights)
            {
                eight += Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(at)) * Vector256.Create(weight);
                at += step;
            }

            eight.Store(sum + i);
        }

        return i;
    }

    private static void AddScaled<T>(Span<float> sum, ReadOnlySpan<T> values, float weight)
        where T : unmanaged
    {
        int i = 0;
        if (typeof(T) == typeof(byte))
        {
            ref byte from = ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(values));
            ref float to = ref MemoryMarshal.GetReference(sum);
            for (; i + Vector128<byte>.Count <= values.Length; i += Vector128<byte>.Count)
            {
                var (low, high) = Vector128.Widen(Vector128.LoadUnsafe(ref from, (nuint)i));
                AddEight(ref to, i, low, weight);
                AddEight(ref to, i + Vector128<ushort>.Count, high, weight);
            }
        }
        else
        {
            ReadOnlySpan<float> floats = MemoryMarshal.Cast<T, float>(values);
            for (; i + Vector<float>.Count <= floats.Length; i += Vector<float>.Count)
            {
                (new Vector<float>(sum[i..]) + (new Vector<float>(floats[i..]) * weight)).CopyTo(sum[i..]);
            }
        }

        for (; i < values.Length; i++)
        {
            sum[i] += PixelValue.ToSingle(values[i]) * weight;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddEight(ref float to, int at, Vector128<ushort> values, float weight)
    {
        var (low, high) = Vector128.Widen(values);
        ref float first = ref Unsafe.Add(ref to, at);
        (Vector128.LoadUnsafe(ref first) + (Vector128.ConvertToSingle(low.AsInt32()) * weight)).StoreUnsafe(ref first);
        ref float second = ref Unsafe.Add(ref to, at + Vector128<float>.Count);
        (Vector128.LoadUnsafe(ref second) + (Vector128.ConvertToSingle(high.AsInt32()) * weight)).StoreUnsafe(ref second);
    }

    private static void AlongRow<T>(ReadOnlySpan<float> row, ResizeWeights columns, Span<T> target, int channels)
        where T : unmanaged
    {
        if (channels == 3)
        {
            AlongRowOfThree(row, columns, target);
            return;
        }

        for (int i = 0; i < target.Length; i += channels)
        {
            int x = i / channels, start = columns.Start(x) * channels;
            ReadOnlySpan<float> weights = columns.Weights(x);
            for (int channel = 0; channel < channels; channel++)
            {
                float sum = 0;
                for (int tap = 0; tap < weights.Length; tap++)
                {
                    sum += row[start + (tap * channels) + channel] * weights[tap];
                }

                target[i + channel] = PixelValue.Round<T>(sum);
            }
        }
    }

    /// <summary>A pixel is three of four lanes; the fourth is the next pixel's first value, or slack.</summary>
    private static void AlongRowOfThree<T>(ReadOnlySpan<float> row, ResizeWeights columns, Span<T> target)
        where T : unmanaged
    {
        for (int i = 0, x = 0; i < target.Length; i += 3, x++)
        {
            ReadOnlySpan<float> weights = columns.Weights(x);
            ReadOnlySpan<float> pixels = row.Slice(columns.Start(x) * 3, (weights.Length * 3) + 1);
            ref float from = ref MemoryMarshal.GetReference(pixels);
            Vector128<float> sum = Vector128<float>.Zero;
            foreach (float weight in weights)
            {
                sum += Vector128.LoadUnsafe(ref from) * weight;
                from = ref Unsafe.Add(ref from, 3);
            }

            if (typeof(T) == typeof(byte) && i + Vector128<float>.Count <= target.Length)
            {
                // All four lanes are in 0 to 255; the next pixel overwrites the fourth.
                Vector128<short> values = Vector128.Narrow(Vector128.ConvertToInt32(sum + Vector128.Create(0.5f)), Vector128<int>.Zero);
                uint four = Vector128.Narrow(values.AsUInt16(), Vector128<ushort>.Zero).AsUInt32().ToScalar();
                Unsafe.WriteUnaligned(ref Unsafe.As<T, byte>(ref target[i]), four);
                continue;
            }

            target[i] = PixelValue.Round<T>(sum.GetElement(0));
            target[i + 1] = PixelValue.Round<T>(sum.GetElement(1));
            target[i + 2] = PixelValue.Round<T>(sum.GetElement(2));
        }
    }
}
