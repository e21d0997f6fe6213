namespace Microsoft.ML.ResNet;

/// <summary>How unlike all images of a reference set an image is. Made by <c>mlContext.Data.FindNovelImages(...)</c>.</summary>
public sealed class ImageNovelty
{
    /// <summary>The number of the image's row in the data, from 0.</summary>
    public long Row { get; init; }

    /// <summary>The text by which the row is named, such as the path of its image; empty where the data have none.</summary>
    public string ImagePath { get; init; } = "";

    /// <summary>The number of the row of the most similar image in the reference set, from 0.</summary>
    public long NearestRow { get; init; }

    /// <summary>The text by which that row is named.</summary>
    public string NearestPath { get; init; } = "";

    /// <summary>1 less the cosine between the features of the two; 0 for an image that is in the reference set, up to 1 (2, where features may be negative).</summary>
    public float Novelty { get; init; }
}
