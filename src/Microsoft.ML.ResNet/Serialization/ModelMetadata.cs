using System.Text.Encodings.Web;
using System.Text.Json;

namespace Microsoft.ML.ResNet.Serialization;

/// <summary>What files of other formats say about a model beside its weights: texts by name, for applications and readers.</summary>
internal static class ModelMetadata
{
    // Class names stay readable in any script.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The architecture, the classes and the type of their values: the same in every format.</summary>
    public static Dictionary<string, string> Of(ModelDescription description) => new()
    {
        ["architecture"] = description.Network.Architecture ?? description.Network.ToSpecification().ToString(),
        ["class_names"] = ToJson(description.Classes.Names),
        ["class_type"] = description.Classes.Type,
    };

    /// <summary>The same for a file of weights, where the reader normalises the pixels.</summary>
    public static Dictionary<string, string> OfWeights(ModelDescription description)
    {
        ModelDescription.ImagePart image = description.Image;
        Dictionary<string, string> metadata = Of(description);

        // "pt" is what PyTorch's own loader looks for.
        metadata["format"] = "pt";
        metadata["preprocessing"] = ToJson(new
        {
            width = image.Width,
            height = image.Height,
            channels = description.Network.Channels,
            fit = image.Fit.ToString(),
            shortSide = image.ShortSide,
            mean = image.Mean,
            standardDeviation = image.StandardDeviation,
        });
        return metadata;
    }

    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Json);
}
