namespace ImageClassification;

/// <summary>An image with its features.</summary>
internal sealed class FeaturedImage
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";

    public float[] Features { get; set; } = [];
}
