using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Model;

/// <summary>What files of other formats say about a model beside its weights: texts by name, for applications and readers.</summary>
internal static class ModelMetadata
{
    private const string Architecture = "architecture", ClassNames = "class_names", ClassType = "class_type", Preprocessing = "preprocessing";

    // Class names stay readable in any script.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonSerializerOptions s_reading = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Converters = { new JsonStringEnumConverter() } };

    /// <summary>The architecture, the classes and the type of their values: the same in every format.</summary>
    public static Dictionary<string, string> Of(ModelDescription description) => new()
    {
        [Architecture] = description.Network.Architecture ?? description.Network.ToSpecification().ToString(),
        [ClassNames] = ToJson(description.Classes.Names),
        [ClassType] = description.Classes.Type,
    };

    /// <summary>The same for a file of weights, where the reader normalises the pixels.</summary>
    public static Dictionary<string, string> OfWeights(ModelDescription description)
    {
        ModelDescription.ImagePart image = description.Image;
        Dictionary<string, string> metadata = Of(description);

        // "pt" is what PyTorch's own loader looks for.
        metadata["format"] = "pt";
        if (image is { Kind: FeatureKind.Pixels, Range: PixelRange.Normalized })
        {
            // They were normalised by another part of the pipeline, which knows how.
            return metadata;
        }

        metadata[Preprocessing] = ToJson(new
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

    /// <summary>Weights with what <see cref="OfWeights"/> wrote beside them; alone where the file is by another program.</summary>
    /// <exception cref="InvalidDataException">What the file says about itself is damaged or out of range.</exception>
    public static WeightFile ReadWeights(IReadOnlyList<WeightTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.ContainsKey(Architecture) || !metadata.TryGetValue(ClassNames, out string? names) || !metadata.TryGetValue(ClassType, out string? type))
        {
            return new WeightFile(tensors);
        }

        string part = ClassNames;
        try
        {
            string[] classes = JsonSerializer.Deserialize<string[]>(names, s_reading) ?? [];
            LabelValues labels = LabelValues.Parse(type, classes.Any(name => name is null) ? throw new FormatException("a name is null.") : classes);
            part = Preprocessing;
            return new WeightFile(tensors)
            {
                ClassNames = labels.Names,
                ClassType = labels.TypeName,
                Preprocessing = metadata.TryGetValue(Preprocessing, out string? preprocessing) ? ReadPreprocessing(preprocessing) : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"its metadata '{part}' can't be read: {exception.Message} Save the weights again, or remove the metadata.", exception);
        }
    }

    private static ImagePreprocessing ReadPreprocessing(string json)
    {
        PreprocessingPart part = JsonSerializer.Deserialize<PreprocessingPart>(json, s_reading) ?? throw new FormatException("it is null.");
        var image = new ModelDescription.ImagePart
        {
            Kind = FeatureKind.Pixels,
            Width = part.Width,
            Height = part.Height,
            Fit = part.Fit,
            ShortSide = part.ShortSide,
            Mean = part.Mean,
            StandardDeviation = part.StandardDeviation,
            IsPlanar = false,
            Range = PixelRange.ZeroTo255,
            BadImages = BadImageHandling.Throw,
        };
        image.Validate(part.Channels is 1 or 3 ? part.Channels : throw new FormatException($"it has {part.Channels} channels, expected 1 or 3."));
        return image.ToPreprocessing();
    }

    private sealed record PreprocessingPart
    {
        public required int Width { get; init; }

        public required int Height { get; init; }

        public required int Channels { get; init; }

        public required ImageFit Fit { get; init; }

        public required int ShortSide { get; init; }

        public required float[] Mean { get; init; }

        public required float[] StandardDeviation { get; init; }
    }

    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Json);
}
