namespace ImageClassification.Comparison;

/// <summary>What the command line asks for.</summary>
/// <param name="ImageFolder">Null: the bundled images.</param>
/// <param name="TestFolder">Null: the bundled test images, or a part of <paramref name="ImageFolder"/>.</param>
/// <param name="Budget">The time for all candidates together.</param>
/// <param name="Epochs">Null: the trainer's 30 from scratch, 3 to 10 in fine-tuning.</param>
/// <param name="ImageSize">The input of the networks that are trained, in pixels; null: chosen by the images.</param>
internal sealed record ComparisonArguments(
    string? ImageFolder,
    string? TestFolder,
    IReadOnlyList<CandidateName> Candidates,
    TimeSpan Budget,
    int? Epochs,
    int? ImageSize,
    int Seed,
    string ModelPath);
