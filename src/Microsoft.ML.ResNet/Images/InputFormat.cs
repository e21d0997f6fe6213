using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// The form in which images reach the network: the element type and order of the values in a batch buffer, and the line
/// <c>input = value * Scale[channel] + Offset[channel]</c> that turns them into normalised network input.
/// </summary>
internal sealed record InputFormat
{
    public required int Width { get; init; }

    public required int Height { get; init; }

    public required int Channels { get; init; }

    /// <summary>Whether values are float32; otherwise they are uint8, 0 to 255.</summary>
    public required bool IsFloat { get; init; }

    /// <summary>Whether values are in the order [channels, height, width]; otherwise [height, width, channels].</summary>
    public required bool IsPlanar { get; init; }

    /// <summary>One factor a channel.</summary>
    public required float[] Scale { get; init; }

    /// <summary>The offset of each channel.</summary>
    public required float[] Offset { get; init; }

    /// <summary>The value of white, where black is 0; null where it is not known, as for float32 values that are normalised already.</summary>
    public float? White { get; init; }

    public int ElementSize => IsFloat ? sizeof(float) : sizeof(byte);

    public int ValueCount => Width * Height * Channels;

    public int ByteCount => ValueCount * ElementSize;

    /// <summary>
    /// The images that a network scores at once. On a CPU eight of 224 x 224 are fastest: activations of more leave its cache. A GPU wants more,
    /// and 128 take about a gigabyte of its memory.
    /// </summary>
    public int BatchSize(Device device)
    {
        var (images, most) = device.type == DeviceType.CPU ? (8, 64) : (128, 512);
        return (int)Math.Clamp(images * 224L * 224 / ((long)Width * Height), 1, most);
    }

    /// <summary>The format of interleaved uint8 images whose values mean <paramref name="range"/>.</summary>
    public static InputFormat Of(int width, int height, PixelRange range, IReadOnlyList<float> mean, IReadOnlyList<float> deviation)
    {
        int channels = mean.Count;
        double maximum = range == PixelRange.ZeroTo255 ? 255 : 1;
        bool isNormalized = range == PixelRange.Normalized;
        return new InputFormat
        {
            Width = width,
            Height = height,
            Channels = channels,
            IsFloat = false,
            IsPlanar = false,
            White = isNormalized ? null : (float)maximum,
            Scale = [.. deviation.Select(d => isNormalized ? 1 : (float)(1 / (maximum * d)))],
            Offset = [.. mean.Zip(deviation, (m, d) => isNormalized ? 0 : (float)(-(double)m / d))],
        };
    }
}
