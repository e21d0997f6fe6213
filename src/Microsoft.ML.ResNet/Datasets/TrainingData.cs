namespace Microsoft.ML.ResNet.Datasets;

/// <summary>What a training works on.</summary>
internal sealed record TrainingData : IDisposable
{
    public required ImageDataset Training { get; init; }

    public ImageDataset? Validation { get; init; }

    /// <summary>How much each training image counts in the loss, or null where all count the same.</summary>
    public float[]? Weights => HasWeights ? [.. Training.Entries.Select(entry => entry.Weight)] : null;

    /// <summary>Whether there is a column of weights.</summary>
    public required bool HasWeights { get; init; }

    /// <summary>What was left out of the training set, as a sentence; null where all of it can be read.</summary>
    public string? Skipped { get; init; }

    public required LabelValues Labels { get; init; }

    public required ImageColumn Column { get; init; }

    public required ImagePreprocessing Preprocessing { get; init; }

    /// <summary>What pixel values mean; 0 to 255 for image files.</summary>
    public required PixelValues Values { get; init; }

    public void Dispose()
    {
        Training.Dispose();
        Validation?.Dispose();
    }
}
