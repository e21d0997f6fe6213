namespace ImageClassification;

/// <summary>What comes out of the pipeline for an image.</summary>
internal sealed class ImagePrediction
{
    public string PredictedLabel { get; set; } = "";

    /// <summary>The probability of each class, in the order of the model's class names.</summary>
    public float[] Score { get; set; } = [];
}
