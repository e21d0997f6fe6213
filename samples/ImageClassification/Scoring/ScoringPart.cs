namespace ImageClassification.Scoring;

/// <summary>Images whose results are one file.</summary>
/// <param name="Name">The file's, without extension.</param>
/// <param name="Source">What the images are: results of others under the same name are refused.</param>
/// <param name="Changed">When the images were written last, where that is known: older results are made anew.</param>
/// <param name="Images">Lists the paths of the images.</param>
internal sealed record ScoringPart(string Name, string Source, DateTime? Changed, Func<IEnumerable<string>> Images);
