namespace ImageClassification.Comparison;

/// <summary>A row of the leaderboard: what a candidate reached, or why it has nothing to show.</summary>
internal sealed record CandidateResult
{
    /// <summary>1 is the best; null without a model.</summary>
    public int? Rank { get; init; }

    public required CandidateName Candidate { get; init; }

    public required string Trainer { get; init; }

    /// <summary>The share of the test images that the model is right about, 0 to 1.</summary>
    public double? MicroAccuracy { get; init; }

    /// <summary>The mean over the classes of that share.</summary>
    public double? MacroAccuracy { get; init; }

    /// <summary>The mean of minus the logarithm of the right class's probability.</summary>
    public double? LogLoss { get; init; }

    /// <summary>The time of Fit, the reading of the images included.</summary>
    public double? TrainSeconds { get; init; }

    /// <summary>Test images scored in a second, from files, when everything has been used once.</summary>
    public double? ScoringImagesPerSecond { get; init; }

    /// <summary>The size of the saved model, in millions of bytes.</summary>
    public double? ModelMegabytes { get; init; }

    /// <summary>The numbers that the model is made of, those of a pretrained network included; null with trees, which ML.NET does not show.</summary>
    public long? Parameters { get; init; }

    /// <summary>Why there is no model; null where there is one.</summary>
    public string? Error { get; init; }
}
