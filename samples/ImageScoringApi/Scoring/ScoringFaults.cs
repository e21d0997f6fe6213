namespace ImageScoringApi.Scoring;

/// <summary>The bytes are no image that the model can read: the caller's fault.</summary>
internal sealed class UnreadableImageException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The queue is full: the caller should try again.</summary>
internal sealed class QueueFullException() : Exception("Too many images are waiting. Try again in a second.");
