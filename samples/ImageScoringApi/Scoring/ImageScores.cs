namespace ImageScoringApi.Scoring;

/// <summary>What a model says about an image.</summary>
/// <param name="ClassNames">The model's classes.</param>
/// <param name="Probabilities">One for each class.</param>
internal sealed record ImageScores(IReadOnlyList<string> ClassNames, float[] Probabilities)
{
    /// <summary>The most probable classes, the first the most probable.</summary>
    public ClassProbability[] Top(int count)
        => [.. ClassNames.Zip(Probabilities, (name, probability) => new ClassProbability(name, probability)).OrderByDescending(item => item.Probability).Take(count)];
}

/// <summary>A class and how probable it is, 0 to 1.</summary>
internal sealed record ClassProbability(string Name, float Probability);
