namespace ImageClassification.Scoring;

/// <summary>What a process has done of a batch scoring.</summary>
/// <param name="Parts">The parts that it has written.</param>
/// <param name="PartsBefore">Its parts that were there already.</param>
/// <param name="FailedParts">Its parts that could not be written.</param>
/// <param name="Images">The images of the parts that it has written.</param>
/// <param name="UnreadableImages">Those of them that can't be read.</param>
internal sealed record ScoringSummary(int Rank, int Ranks, int Parts, int PartsBefore, int FailedParts, long Images, long UnreadableImages, double ImagesPerSecond);
