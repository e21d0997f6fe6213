namespace ImageClassification.Comparison;

/// <summary>What a candidate has to work with.</summary>
/// <param name="ImageSize">The images' own size in pixels, at most 224.</param>
/// <param name="ChosenImageSize">What the command line asks for, or null.</param>
/// <param name="ImageCount">The training images.</param>
/// <param name="Epochs">What the command line asks for, or null.</param>
/// <param name="Time">The candidate's share of the budget.</param>
internal sealed record TrainingTask(int ImageSize, int? ChosenImageSize, int ImageCount, int? Epochs, TimeSpan Time, CancellationToken CancellationToken);
