using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Turns the hues of an image, in the HSV model, as torchvision's adjust_hue does; images without three channels stay as they are.</summary>
internal static class Hue
{
    /// <param name="turn">The share of a full turn of the colour circle: -0.5 to 0.5; 0 leaves the image as it is.</param>
    public static void Apply<T>(ImageSpan<T> image, float turn)
        where T : unmanaged
    {
        if (image.Channels != 3)
        {
            return;
        }

        // Pixels are spread to one vector a channel, as many at a time as a vector holds.
        int lanes = Vector256<float>.Count;
        Span<float> red = stackalloc float[lanes], green = stackalloc float[lanes], blue = stackalloc float[lanes];
        red.Clear();
        green.Clear();
        blue.Clear();
        int done = typeof(T) == typeof(byte) ? ApplyToBlocks(MemoryMarshal.AsBytes(image.Values), turn) : 0;
        for (Span<T> rest = image.Values[done..]; rest.Length > 0; rest = rest[(3 * Math.Min(lanes, rest.Length / 3))..])
        {
            int count = Math.Min(lanes, rest.Length / 3);
            for (int i = 0, at = 0; i < count; i++, at += 3)
            {
                red[i] = PixelValue.ToSingle(rest[at]);
                green[i] = PixelValue.ToSingle(rest[at + 1]);
                blue[i] = PixelValue.ToSingle(rest[at + 2]);
            }

            Turn(red, green, blue, turn);
            for (int i = 0, at = 0; i < count; i++, at += 3)
            {
                rest[at] = PixelValue.Round<T>(red[i]);
                rest[at + 1] = PixelValue.Round<T>(green[i]);
                rest[at + 2] = PixelValue.Round<T>(blue[i]);
            }
        }
    }

    /// <returns>The values that are done.</returns>
    private static int ApplyToBlocks(Span<byte> values, float turn)
    {
        Vector256<float> half = Vector256.Create(0.5f);
        int i = 0;
        for (; i + PixelBlock.Length <= values.Length; i += PixelBlock.Length)
        {
            ref byte at = ref Unsafe.Add(ref MemoryMarshal.GetReference(values), i);
            PixelBlock block = PixelBlock.Load(ref at);
            var (redLow, redHigh) = PixelBlock.ToSingle(block.Red);
            var (greenLow, greenHigh) = PixelBlock.ToSingle(block.Green);
            var (blueLow, blueHigh) = PixelBlock.ToSingle(block.Blue);
            Turn(ref redLow, ref greenLow, ref blueLow, turn);
            Turn(ref redHigh, ref greenHigh, ref blueHigh, turn);
            new PixelBlock(
                PixelBlock.ToBytes(redLow + half, redHigh + half),
                PixelBlock.ToBytes(greenLow + half, greenHigh + half),
                PixelBlock.ToBytes(blueLow + half, blueHigh + half)).Store(ref at);
        }

        return i;
    }

    private static void Turn(Span<float> reds, Span<float> greens, Span<float> blues, float turn)
    {
        Vector256<float> red = Vector256.Create<float>(reds), green = Vector256.Create<float>(greens), blue = Vector256.Create<float>(blues);
        Turn(ref red, ref green, ref blue, turn);
        red.CopyTo(reds);
        green.CopyTo(greens);
        blue.CopyTo(blues);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(ref Vector256<float> red, ref Vector256<float> green, ref Vector256<float> blue, float turn)
    {
        Vector256<float> value = Vector256.Max(red, Vector256.Max(green, blue)), chroma = value - Vector256.Min(red, Vector256.Min(green, blue));

        // The circle has six sectors: red at 0, green at 2, blue at 4. Grey has no hue: any will do, as long as it is a number.
        Vector256<float> unit = Vector256<float>.One / Vector256.Max(chroma, Vector256.Create(1e-20f));
        Vector256<float> hue = Vector256.ConditionalSelect(
            Vector256.Equals(value, red),
            (green - blue) * unit,
            Vector256.ConditionalSelect(Vector256.Equals(value, green), ((blue - red) * unit) + Vector256.Create(2f), ((red - green) * unit) + Vector256.Create(4f)));
        hue += Vector256.Create(6 * turn);
        red = Channel(hue + Vector256.Create(5f), value, chroma);
        green = Channel(hue + Vector256.Create(3f), value, chroma);
        blue = Channel(hue + Vector256.Create(1f), value, chroma);
    }

    /// <summary>A channel's value by its place on the circle: going round, it falls in sector 0 to 1, is low to 3, rises to 4 and is high to 6.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Channel(Vector256<float> place, Vector256<float> value, Vector256<float> chroma)
    {
        place -= Vector256.Floor(place * (1 / 6f)) * 6;
        return value - (chroma * Vector256.Max(Vector256<float>.Zero, Vector256.Min(Vector256<float>.One, Vector256.Min(place, Vector256.Create(4f) - place))));
    }
}
