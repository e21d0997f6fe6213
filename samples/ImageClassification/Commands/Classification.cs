namespace ImageClassification.Commands;

/// <summary>What a model makes of an image.</summary>
/// <param name="Classes">The most probable classes, the first one first; empty where the image can't be read.</param>
/// <param name="Error">Why the image can't be read, or null.</param>
internal sealed record Classification(string File, IReadOnlyList<ClassProbability> Classes, string? Error)
{
    /// <summary>The predicted class; null where the image can't be read, or where its probability is below the model's minimum.</summary>
    public string? PredictedLabel { get; init; }

    /// <summary>The picture of what speaks for the class; null where none is asked for.</summary>
    public string? Explanation { get; init; }
}

/// <summary>A class and its probability, 0 to 1.</summary>
internal sealed record ClassProbability(string Class, float Probability);
