using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.ResNet.Training;

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
            sum.Clear();
            int start = scratch.Rows.Start(y), tap = 0;
            foreach (float weight in scratch.Rows.Weights(y))
            {
                int at = (((box.Top + start + tap++) * sourceWidth) + box.Left) * channels;
                AddScaled(sum, source.Slice(at, length), weight);
            }

            AlongRow(row, scratch.Columns, target.Row(y), channels);
        }
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

            target[i] = PixelValue.Round<T>(sum.GetElement(0));
            target[i + 1] = PixelValue.Round<T>(sum.GetElement(1));
            target[i + 2] = PixelValue.Round<T>(sum.GetElement(2));
        }
    }
}
