using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Blends an image with a smoothed one, Pillow's and TrivialAugment's "Sharpness". The outermost pixels stay as they are.</summary>
internal static class Sharpness
{
    /// <summary>Pillow's SMOOTH filter has 5 in the middle, 1 around it, and is divided by their sum.</summary>
    private const float Extra = 4, Sum = 13;

    /// <param name="factor">0 is smoothed, 1 leaves the image as it is, 2 sharpens.</param>
    public static void Apply<T>(ImageSpan<T> image, float factor, AugmentationScratch scratch)
        where T : unmanaged
    {
        ReadOnlySpan<T> source = scratch.Copy<T>(image.Values);
        int length = image.RowLength, channels = image.Channels;
        Span<float> columns = scratch.Row(length);
        for (int y = 1; y < image.Height - 1; y++)
        {
            ReadOnlySpan<T> above = source.Slice((y - 1) * length, length), row = source.Slice(y * length, length), below = source.Slice((y + 1) * length, length);
            for (int i = 0; i < columns.Length; i++)
            {
                columns[i] = PixelValue.ToSingle(above[i]) + PixelValue.ToSingle(row[i]) + PixelValue.ToSingle(below[i]);
            }

            Span<T> target = image.Row(y);
            for (int i = channels; i < length - channels; i++)
            {
                float value = PixelValue.ToSingle(row[i]);
                float smooth = PixelValue.ToSingle(PixelValue.Round<T>((columns[i - channels] + columns[i] + columns[i + channels] + (Extra * value)) * (1 / Sum)));
                target[i] = PixelValue.Clip<T>(smooth + (factor * (value - smooth)), image.White);
            }
        }
    }
}
