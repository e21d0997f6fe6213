using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Mirrors an image in place.</summary>
internal static class Flip
{
    /// <summary>Left and right change places.</summary>
    public static void Horizontally<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        int channels = image.Channels;
        for (int y = 0; y < image.Height; y++)
        {
            Span<T> row = image.Row(y);
            if (channels == 1)
            {
                row.Reverse();
                continue;
            }

            for (int i = 0, j = row.Length - channels; i < j; i += channels, j -= channels)
            {
                for (int channel = 0; channel < channels; channel++)
                {
                    (row[i + channel], row[j + channel]) = (row[j + channel], row[i + channel]);
                }
            }
        }
    }

    /// <summary>Top and bottom change places.</summary>
    public static void Vertically<T>(ImageSpan<T> image)
        where T : unmanaged
    {
        for (int upper = 0, lower = image.Height - 1; upper < lower; upper++, lower--)
        {
            Span<T> top = image.Row(upper), bottom = image.Row(lower);
            for (int i = 0; i < top.Length; i++)
            {
                (top[i], bottom[i]) = (bottom[i], top[i]);
            }
        }
    }
}
