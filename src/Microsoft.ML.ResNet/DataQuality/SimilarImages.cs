namespace Microsoft.ML.ResNet;

/// <summary>Two images that are the same or nearly so. Made by <c>mlContext.Data.FindDuplicateImages(...)</c>.</summary>
public sealed class SimilarImages
{
    /// <summary>The cosine from which on two images are a pair, by default: of the 80,000 pairs of 400 different photographs, one is above it (0.958), at an image size of 96.</summary>
    internal const float DefaultThreshold = 0.95f;

    /// <summary>The number of the first image's row in the data, from 0.</summary>
    public long FirstRow { get; init; }

    /// <summary>The number of the second image's row, from 0: in the other data set, or in the same one, where it is the larger number.</summary>
    public long SecondRow { get; init; }

    /// <summary>The text by which the first image's row is named, such as its path; empty where the data have none.</summary>
    public string FirstPath { get; init; } = "";

    /// <summary>The text by which the second image's row is named.</summary>
    public string SecondPath { get; init; } = "";

    /// <summary>The cosine of the features; 1 for images that are the same to the network.</summary>
    public float Similarity { get; init; }
}
