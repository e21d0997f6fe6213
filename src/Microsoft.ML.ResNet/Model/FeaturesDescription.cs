using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Model;

/// <summary>All of a <see cref="ResNetFeaturesTransformer"/> but its weights, as the JSON part of a model file holds it.</summary>
internal sealed record FeaturesDescription
{
    /// <summary>The version that this library writes. Older versions keep loading.</summary>
    public const int CurrentFormatVersion = 1;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
    };

    public required int FormatVersion { get; init; }

    public required ModelDescription.NetworkPart Network { get; init; }

    public required string OutputColumn { get; init; }

    public required string InputColumn { get; init; }

    public required ModelDescription.ImagePart Image { get; init; }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <exception cref="InvalidDataException">The JSON is damaged, of a later version, or says what no transformer has.</exception>
    public static FeaturesDescription FromJson(ReadOnlySpan<byte> json)
    {
        try
        {
            ModelDescription.CheckVersion(json, CurrentFormatVersion);
            FeaturesDescription description = JsonSerializer.Deserialize<FeaturesDescription>(json, Json) ?? throw new FormatException("it is empty.");
            ModelDescription.Require(description.Network is not null && description.Image is not null, "a part of it is null.");
            description.Network.Validate();
            description.Image.Validate(description.Network.Channels);
            return string.IsNullOrWhiteSpace(description.OutputColumn) || string.IsNullOrWhiteSpace(description.InputColumn)
                ? throw new FormatException("a column has no name.")
                : description;
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"The model file's description of ResNetFeatures can't be used: {exception.Message}", exception);
        }
    }

    public ImageColumn Column => Image.ToColumn(InputColumn, Network.Channels);
}
