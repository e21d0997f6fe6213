using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Model;

/// <summary>All of a model but its weights, as the JSON part of a model file holds it. No paths, no code.</summary>
internal sealed record ModelDescription
{
    /// <summary>The version that this library writes. Older versions keep loading.</summary>
    public const int CurrentFormatVersion = 1;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public required int FormatVersion { get; init; }

    public required NetworkPart Network { get; init; }

    public required ColumnsPart Columns { get; init; }

    public required ImagePart Image { get; init; }

    public required ClassesPart Classes { get; init; }

    /// <summary>Models of before it was there score in float32.</summary>
    public ScoringPrecision ScoringPrecision { get; init; } = ScoringPrecision.Float32;

    /// <summary>What the logits were divided by when the scores were calibrated; the weights have it. 1 without calibration, as in models of before it was there.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The probability below which no label is predicted; 0 in models of before it was there.</summary>
    public float MinimumScore { get; init; }

    /// <summary>The views that are averaged; models of before it was there score one.</summary>
    public TestTimeAugmentation TestTimeAugmentation { get; init; }

    public required EpochMetrics[] Training { get; init; }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>The model's weights with what the description says about them.</summary>
    public WeightFile WithWeights(IReadOnlyList<WeightTensor> tensors) => new(tensors)
    {
        Specification = Network.ToSpecification(),
        // Pixels that came normalised were normalised by another part of the pipeline, which knows how.
        Preprocessing = Image.Kind == FeatureKind.Pixels && Image.Range == PixelRange.Normalized ? null : Image.ToPreprocessing(),
        ClassNames = Classes.Names,
        ClassType = Classes.Type,
    };

    /// <exception cref="InvalidDataException">The JSON is damaged, of a later version, or says what no model has.</exception>
    public static ModelDescription FromJson(ReadOnlySpan<byte> json)
    {
        try
        {
            CheckVersion(json, CurrentFormatVersion);
            ModelDescription description = JsonSerializer.Deserialize<ModelDescription>(json, Json) ?? throw new FormatException("it is empty");
            description.Validate();
            return description;
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"The model file's description can't be used: {exception.Message}", exception);
        }
    }

    /// <summary>The version comes first: a later one may have parts that can't be read.</summary>
    internal static void CheckVersion(ReadOnlySpan<byte> json, int newest)
    {
        var reader = new Utf8JsonReader(json);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("formatVersion", out JsonElement element) || element.ValueKind != JsonValueKind.Number || !element.TryGetInt32(out int version) || version < 1)
        {
            throw new FormatException("it has no format version.");
        }

        if (version > newest)
        {
            throw new FormatException($"its format version is {version}, and this version of Microsoft.ML.ResNet reads up to {newest}. Update the package.");
        }
    }

    private void Validate()
    {
        // JSON's null passes the serializer wherever a reference is expected.
        Require(Network is not null && Columns is not null && Image is not null && Classes is { Type: not null, Names: not null } && Training is not null, "a part of it is null.");
        Network.Validate();
        Image.Validate(Network.Channels);
        Require(Classes.Names.Length >= 2, $"the model has {Classes.Names.Length} classes, expected at least 2.");
        Require(Enum.IsDefined(ScoringPrecision), "its scoring precision is unknown.");
        Require(Temperature > 0 && double.IsFinite(Temperature), "its temperature is no number above 0.");
        Require(MinimumScore is >= 0 and <= 1, "its minimum score is no number from 0 to 1.");
        Require(Enum.IsDefined(TestTimeAugmentation), "its test-time augmentation is unknown.");
        Require(ImageViews.Fault(TestTimeAugmentation, Image.ToPreprocessing(), Image.Kind == FeatureKind.Pixels) is null, "its images can't be cut as its test-time augmentation wants them.");
        Require(Classes.Names.All(name => name is not null) && Training.All(epoch => epoch is not null), "a class or an epoch is null.");
        Require(Columns.All.All(name => !string.IsNullOrWhiteSpace(name)), "a column has no name.");
        LabelValues.Parse(Classes.Type, Classes.Names);
    }

    internal static void Require([DoesNotReturnIf(false)] bool condition, string fault)
    {
        if (!condition)
        {
            throw new FormatException(fault);
        }
    }

    /// <summary>The network; the same members as <see cref="ResNetSpecification"/>.</summary>
    internal sealed record NetworkPart
    {
        /// <summary>The well-known name, for readers of the file; null for others.</summary>
        public string? Architecture { get; init; }

        public required ResNetBlock Block { get; init; }

        public required int[] Depths { get; init; }

        public required int[] Widths { get; init; }

        public required int Groups { get; init; }

        public required int WidthPerGroup { get; init; }

        public required ResNetStem Stem { get; init; }

        public required ResNetShortcut Shortcut { get; init; }

        public required int Channels { get; init; }

        public static NetworkPart Of(ResNetSpecification specification, int channels) => new()
        {
            Architecture = NamedArchitectures.Find(specification)?.ToString(),
            Block = specification.Block,
            Depths = [.. specification.Depths],
            Widths = [.. specification.Widths],
            Groups = specification.Groups,
            WidthPerGroup = specification.WidthPerGroup,
            Stem = specification.Stem,
            Shortcut = specification.Shortcut,
            Channels = channels,
        };

        /// <exception cref="FormatException">No image network is like it.</exception>
        /// <exception cref="ArgumentException">It can't be built.</exception>
        public void Validate()
        {
            Require(Depths is not null && Widths is not null, "the network's depths or widths are null.");
            ToSpecification().Validate();
            Require(Stem != ResNetStem.Auto, "the network's stem is open.");
            Require(Channels is 1 or 3, $"the network has {Channels} channels, expected 1 or 3.");
        }

        public ResNetSpecification ToSpecification() => new()
        {
            Block = Block,
            Depths = Depths,
            Widths = Widths,
            Groups = Groups,
            WidthPerGroup = WidthPerGroup,
            Stem = Stem,
            Shortcut = Shortcut,
        };
    }

    internal sealed record ColumnsPart(string Label, string Feature, string Score, string PredictedLabel)
    {
        [JsonIgnore]
        public string[] All => [Label, Feature, Score, PredictedLabel];
    }

    internal sealed record ImagePart
    {
        public required FeatureKind Kind { get; init; }

        public required int Width { get; init; }

        public required int Height { get; init; }

        public required ImageFit Fit { get; init; }

        public required int ShortSide { get; init; }

        public required float[] Mean { get; init; }

        public required float[] StandardDeviation { get; init; }

        /// <summary>Pixels only.</summary>
        public required bool IsPlanar { get; init; }

        /// <summary>Pixels only.</summary>
        public required PixelRange Range { get; init; }

        /// <summary>Normalised pixels only: the lowest and the highest value of the training data; null where there were none, or an earlier version trained.</summary>
        public float[]? Extremes { get; init; }

        /// <summary>How NormalizePixels made the training data; null where it didn't, or an earlier version trained.</summary>
        public PixelNormalization? Normalization { get; init; }

        public required BadImageHandling BadImages { get; init; }

        /// <summary>The folder that relative image paths are relative to; null: the current directory.</summary>
        public string? Folder { get; init; }

        /// <exception cref="FormatException">A setting is out of its range.</exception>
        public void Validate(int channels)
        {
            Require(Width is >= 1 and <= 16384 && Height is >= 1 and <= 16384 && ShortSide is >= 1 and <= 32768, "the image size is out of range.");
            Require((long)Width * Height * channels * sizeof(float) <= Array.MaxLength, "the images are too large.");
            Require(Mean is not null && StandardDeviation is not null, "the mean or the deviation is null.");
            Require(
                Mean.Length == channels && StandardDeviation.Length == channels
                    && Mean.All(float.IsFinite) && StandardDeviation.All(value => value > 0 && float.IsFinite(value)),
                $"the mean and the deviation need {channels} finite values each, deviations above 0.");
            Require(Enum.IsDefined(Kind) && Enum.IsDefined(Fit) && Enum.IsDefined(Range) && Enum.IsDefined(BadImages), "an image setting is unknown.");
            Require(Kind == FeatureKind.Pixels || channels == 3, "image files have 3 channels.");
            Require(Kind != FeatureKind.Pixels || Range != PixelRange.Auto, "the range of pixels is open.");
            Require(Extremes is null || (Extremes.Length == 2 && Extremes.All(float.IsFinite) && Extremes[0] <= Extremes[1]), "the extremes of pixels are out of range.");
            Require(Normalization is null || Normalization.IsValid(channels), "the normalisation of pixels is out of range.");
        }

        public ImageColumn ToColumn(string name, int channels) => new()
        {
            Name = name,
            Kind = Kind,
            Width = Width,
            Height = Height,
            Channels = channels,
            IsPlanar = IsPlanar,
            Normalization = Normalization,
        };

        public PixelValues ToPixelValues() => new(Kind == FeatureKind.Pixels ? Range : PixelRange.ZeroTo255)
        {
            Trained = Extremes is { } extremes ? (extremes[0], extremes[1]) : null,
        };

        /// <summary>Scoring takes image files as uint8 and pixel vectors as they are.</summary>
        public InputFormat ToInputFormat()
        {
            bool isFloat = Kind == FeatureKind.Pixels;
            return InputFormat.Of(Width, Height, isFloat ? Range : PixelRange.ZeroTo255, Mean, StandardDeviation) with
            {
                IsFloat = isFloat,
                IsPlanar = isFloat && IsPlanar,
            };
        }

        /// <summary>What brings image files to the network's size; null for pixels.</summary>
        /// <param name="views">What is cut out of an image; null: its centre.</param>
        public ImagePreprocessor? CreatePreprocessor(ImageViews? views = null)
            => Kind == FeatureKind.Pixels ? null : new ImagePreprocessor(Width, Height, ShortSide, Fit) { Crops = (views ?? ImageViews.Single).Crops };

        public ImagePreprocessing ToPreprocessing() => new()
        {
            Width = Width,
            Height = Height,
            Fit = Fit,
            ShortSide = ShortSide,
            Mean = Array.AsReadOnly(Mean),
            StandardDeviation = Array.AsReadOnly(StandardDeviation),
        };
    }

    /// <summary>The label's values in key order, as text, and their type.</summary>
    internal sealed record ClassesPart(string Type, string[] Names);
}
