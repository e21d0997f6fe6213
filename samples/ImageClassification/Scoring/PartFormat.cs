namespace ImageClassification.Scoring;

/// <summary>The files that results are written to.</summary>
internal enum PartFormat
{
    /// <summary>Comma-separated values, UTF-8.</summary>
    Csv,

    /// <summary>Apache Parquet.</summary>
    Parquet,
}
