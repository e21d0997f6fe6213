namespace ImageClassification.Data;

/// <summary>A test image and what the model takes it for.</summary>
internal sealed class TestedImage
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";

    public string PredictedLabel { get; set; } = "";

    /// <summary>The probability of each class, in the order of the model's class names.</summary>
    public float[] Score { get; set; } = [];
}
