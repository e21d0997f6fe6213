using System.ComponentModel;
using ImageScoringApi.Scoring;

namespace ImageScoringApi.Requests;

/// <summary>The JSON form of a request.</summary>
internal sealed record PredictionRequest
{
    [Description("The images.")]
    public IReadOnlyList<EncodedImage> Images { get; init; } = [];
}

/// <summary>An image in JSON.</summary>
internal sealed record EncodedImage
{
    [Description("A name that the answer repeats.")]
    public string? Name { get; init; }

    [Description("The content of an image file, in base64.")]
    public byte[]? Content { get; init; }
}

/// <summary>The answer.</summary>
internal sealed record PredictionResponse
{
    [Description("One for each image, in the order of the request.")]
    public required IReadOnlyList<ImagePrediction> Images { get; init; }

    [Description("The time from the last byte of the request to the answer, in milliseconds.")]
    public required double Milliseconds { get; init; }
}

/// <summary>What the model says about an image.</summary>
internal sealed record ImagePrediction
{
    [Description("The name of the file.")]
    public string? Name { get; init; }

    [Description("The most probable class.")]
    public required string PredictedLabel { get; init; }

    [Description("The most probable classes, the first the most probable.")]
    public required IReadOnlyList<ClassProbability> Classes { get; init; }
}

/// <summary>What <c>/health</c> says.</summary>
internal sealed record HealthResponse
{
    public required string Status { get; init; }

    [Description("The name of the model's file.")]
    public required string Model { get; init; }

    public required DateTimeOffset LoadedAt { get; init; }

    public required ScoringMode Mode { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    [Description("Whether /explain shows what speaks for a class.")]
    public required bool Explains { get; init; }

    [Description("The most images in a request.")]
    public required int MaxFiles { get; init; }

    [Description("The size of the largest image file, in bytes.")]
    public required int MaxFileBytes { get; init; }
}
