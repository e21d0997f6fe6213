namespace ImageClassification.Data;

/// <summary>A test image and what the model takes it for.</summary>
internal sealed class TestedImage
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";

    /// <summary>Empty where the probability is below the model's minimum.</summary>
    public string PredictedLabel { get; set; } = "";

    /// <summary>The probability of each class, in the order of the model's class names.</summary>
    public float[] Score { get; set; } = [];

    /// <summary>Whether the scores are numbers.</summary>
    public bool HasScores => Score.All(float.IsFinite);

    /// <summary>The index of the most probable class.</summary>
    public int MostProbable => Array.IndexOf(Score, Score.Max());
}
