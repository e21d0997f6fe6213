namespace ImageClassification.Data;

/// <summary>The test images that a model gives a label to: those whose most probable class reaches the model's minimum score.</summary>
/// <param name="Count">How many they are.</param>
/// <param name="CorrectCount">How many of them the model is right about.</param>
/// <param name="Total">All test images.</param>
internal sealed record CoveredImages(float MinimumScore, int Count, int CorrectCount, int Total)
{
    /// <summary>The share of the test images that have a label, 0 to 1.</summary>
    public double Coverage => (double)Count / Total;

    /// <summary>The share of these that the model is right about, 0 to 1; null where there are none.</summary>
    public double? Accuracy => Count == 0 ? null : (double)CorrectCount / Count;
}
