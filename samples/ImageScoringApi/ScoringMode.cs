namespace ImageScoringApi;

/// <summary>How images are scored.</summary>
internal enum ScoringMode
{
    /// <summary>Images that arrive together go through <c>Transform</c> together.</summary>
    Batched,

    /// <summary>Each image goes through a <c>PredictionEngine</c> of a pool.</summary>
    Pooled,
}
