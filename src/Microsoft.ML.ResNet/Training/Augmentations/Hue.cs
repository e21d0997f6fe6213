using System.Numerics;

namespace Microsoft.ML.ResNet.Training;

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
        int lanes = Vector<float>.Count;
        Span<float> red = stackalloc float[lanes], green = stackalloc float[lanes], blue = stackalloc float[lanes];
        red.Clear();
        green.Clear();
        blue.Clear();
        for (Span<T> rest = image.Values; rest.Length > 0; rest = rest[(3 * Math.Min(lanes, rest.Length / 3))..])
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

    private static void Turn(Span<float> reds, Span<float> greens, Span<float> blues, float turn)
    {
        Vector<float> red = new(reds), green = new(greens), blue = new(blues);
        Vector<float> value = Vector.Max(red, Vector.Max(green, blue)), chroma = value - Vector.Min(red, Vector.Min(green, blue));

        // The circle has six sectors: red at 0, green at 2, blue at 4. Grey has no hue: any will do, as long as it is a number.
        Vector<float> unit = Vector<float>.One / Vector.Max(chroma, new Vector<float>(1e-20f));
        Vector<float> hue = Vector.ConditionalSelect(
            Vector.Equals(value, red),
            (green - blue) * unit,
            Vector.ConditionalSelect(Vector.Equals(value, green), ((blue - red) * unit) + new Vector<float>(2), ((red - green) * unit) + new Vector<float>(4)));
        hue += new Vector<float>(6 * turn);
        Channel(hue + new Vector<float>(5), value, chroma).CopyTo(reds);
        Channel(hue + new Vector<float>(3), value, chroma).CopyTo(greens);
        Channel(hue + new Vector<float>(1), value, chroma).CopyTo(blues);
    }

    /// <summary>A channel's value by its place on the circle: going round, it falls in sector 0 to 1, is low to 3, rises to 4 and is high to 6.</summary>
    private static Vector<float> Channel(Vector<float> place, Vector<float> value, Vector<float> chroma)
    {
        place -= Vector.Floor(place * (1 / 6f)) * 6;
        return value - (chroma * Vector.Max(Vector<float>.Zero, Vector.Min(Vector<float>.One, Vector.Min(place, new Vector<float>(4) - place))));
    }
}
