using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.ResNet.Weights;

/// <summary>What <c>ExportOnnx</c> says of the images, as <c>SaveWeights</c> says it: the one has a factor and an offset of each channel, the other mean and deviation.</summary>
internal static class OnnxPreprocessing
{
    private const string Key = "preprocessing";

    private static readonly JsonSerializerOptions s_reading = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>The metadata of a file of weights. The preprocessing is left out where the pixels were normalised before the network, by what the file doesn't know.</summary>
    /// <exception cref="InvalidDataException">The preprocessing is damaged.</exception>
    public static IReadOnlyDictionary<string, string> AsOfWeights(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(Key, out string? json))
        {
            return metadata;
        }

        var changed = new Dictionary<string, string>(metadata, StringComparer.Ordinal);
        changed.Remove(Key);
        try
        {
            Part part = JsonSerializer.Deserialize<Part>(json, s_reading) is { InGraph: { Scale: not null, Offset: not null } } whole ? whole : throw new JsonException("A part of it is null.");
            if (part.Range is nameof(PixelRange.ZeroTo255) or nameof(PixelRange.ZeroToOne))
            {
                double white = part.Range == nameof(PixelRange.ZeroTo255) ? 255 : 1;
                changed[Key] = JsonSerializer.Serialize(new
                {
                    width = part.Width,
                    height = part.Height,
                    channels = part.Channels,
                    fit = part.Fit,
                    shortSide = part.ShortSide,
                    mean = part.InGraph.Offset.Zip(part.InGraph.Scale, (offset, scale) => Rounded(-offset / (scale * white))).ToArray(),
                    standardDeviation = part.InGraph.Scale.Select(scale => Rounded(1 / (scale * white))).ToArray(),
                });
            }

            return changed;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw new InvalidDataException($"its metadata '{Key}' can't be read: {exception.Message} Export the model again, or remove the metadata.", exception);
        }
    }

    /// <summary>A factor of float32 is known to seven digits: they are the number that was meant.</summary>
    private static double Rounded(double value) => double.Parse(value.ToString("G7", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private sealed record Part
    {
        public required int Width { get; init; }

        public required int Height { get; init; }

        public required int Channels { get; init; }

        public required string Range { get; init; }

        public required string Fit { get; init; }

        public required int ShortSide { get; init; }

        public required Line InGraph { get; init; }
    }

    private sealed record Line
    {
        public required double[] Scale { get; init; }

        public required double[] Offset { get; init; }
    }
}
