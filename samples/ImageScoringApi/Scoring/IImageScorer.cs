namespace ImageScoringApi.Scoring;

/// <summary>Scores the images of requests.</summary>
internal interface IImageScorer
{
    /// <summary>Says that images are on their way: a batch may wait for them. Dispose it when they have been handed over, or won't be.</summary>
    IDisposable? Announce();

    /// <summary>Scores an image.</summary>
    /// <exception cref="QueueFullException">Too many images wait.</exception>
    /// <exception cref="UnreadableImageException">The bytes are no image.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<ImageScores> ScoreAsync(byte[] content, CancellationToken cancellationToken);
}
