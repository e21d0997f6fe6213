using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Blends an image with its grey version, Pillow's and TrivialAugment's "Color"; images without three channels stay as they are.</summary>
internal static class Saturation
{
    /// <param name="factor">0 is grey, 1 leaves the image as it is.</param>
    public static void Apply<T>(ImageSpan<T> image, float factor)
        where T : unmanaged
    {
        if (image.Channels != 3)
        {
            return;
        }

        Span<T> values = image.Values;
        float white = image.White;
        int i = typeof(T) == typeof(byte) ? ApplyToBlocks(MemoryMarshal.AsBytes(values), factor, white) : 0;
        for (; i + 2 < values.Length; i += 3)
        {
            float grey = Luma.Of(values[i], values[i + 1], values[i + 2]);
            values[i] = Blend(values[i], grey, factor, white);
            values[i + 1] = Blend(values[i + 1], grey, factor, white);
            values[i + 2] = Blend(values[i + 2], grey, factor, white);
        }
    }

    /// <returns>The values that are done.</returns>
    private static int ApplyToBlocks(Span<byte> values, float factor, float white)
    {
        int i = 0;
        for (; i + PixelBlock.Length <= values.Length; i += PixelBlock.Length)
        {
            ref byte at = ref Unsafe.Add(ref MemoryMarshal.GetReference(values), i);
            PixelBlock block = PixelBlock.Load(ref at);
            var (redLow, redHigh) = PixelBlock.Widen(block.Red);
            var (greenLow, greenHigh) = PixelBlock.Widen(block.Green);
            var (blueLow, blueHigh) = PixelBlock.Widen(block.Blue);
            Vector256<float> greyLow = Vector256.ConvertToSingle(Luma.Of(redLow, greenLow, blueLow)), greyHigh = Vector256.ConvertToSingle(Luma.Of(redHigh, greenHigh, blueHigh));
            new PixelBlock(
                PixelBlock.ToBytes(Blend(redLow, greyLow, factor, white), Blend(redHigh, greyHigh, factor, white)),
                PixelBlock.ToBytes(Blend(greenLow, greyLow, factor, white), Blend(greenHigh, greyHigh, factor, white)),
                PixelBlock.ToBytes(Blend(blueLow, greyLow, factor, white), Blend(blueHigh, greyHigh, factor, white))).Store(ref at);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Blend(Vector256<int> values, Vector256<float> greys, float factor, float white)
        => Vector256.Min(Vector256.Max(greys + ((Vector256.ConvertToSingle(values) - greys) * factor), Vector256<float>.Zero), Vector256.Create(white));

    private static T Blend<T>(T value, float grey, float factor, float white)
        where T : unmanaged
        => PixelValue.Clip<T>(grey + (factor * (PixelValue.ToSingle(value) - grey)), white);
}
