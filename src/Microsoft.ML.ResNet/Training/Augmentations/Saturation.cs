namespace Microsoft.ML.ResNet.Training;

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
        for (int i = 0; i + 2 < values.Length; i += 3)
        {
            float grey = Luma.Of(values[i], values[i + 1], values[i + 2]);
            values[i] = Blend(values[i], grey, factor, white);
            values[i + 1] = Blend(values[i + 1], grey, factor, white);
            values[i + 2] = Blend(values[i + 2], grey, factor, white);
        }
    }

    private static T Blend<T>(T value, float grey, float factor, float white)
        where T : unmanaged
        => PixelValue.Clip<T>(grey + (factor * (PixelValue.ToSingle(value) - grey)), white);
}
