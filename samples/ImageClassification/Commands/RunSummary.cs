namespace ImageClassification.Commands;

/// <summary>A training in numbers, for programs to read.</summary>
internal sealed record RunSummary
{
    /// <summary>The share of the test images that the model is right about, 0 to 1.</summary>
    public required double TestAccuracy { get; init; }

    /// <summary>The mean over the classes of that share.</summary>
    public required double MacroAccuracy { get; init; }

    /// <summary>The mean of minus the logarithm of the right class's probability; null where the model's scores are no numbers.</summary>
    public required double? LogLoss { get; init; }

    /// <summary>The time of the training in this process.</summary>
    public required double TrainSeconds { get; init; }

    public required double TotalSeconds { get; init; }

    /// <summary>Training images a second in this process, the reading of their files included; 0 where a checkpoint had all epochs.</summary>
    public required double ImagesPerSecond { get; init; }

    public required string ModelPath { get; init; }

    public required string ReportPath { get; init; }

    public required string Architecture { get; init; }

    /// <summary>The epochs of the training, those of earlier processes included.</summary>
    public required int Epochs { get; init; }

    public required int Seed { get; init; }

    /// <summary>The images that are trained on: without those that are held out to calibrate, and those that can't be read.</summary>
    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }
}
