namespace Microsoft.ML.ResNet;

/// <summary>What a report has beside the results on the test data.</summary>
public sealed class TrainingReportOptions
{
    /// <summary>The heading. Default: "Image classification".</summary>
    public string Title { get; set; } = "Image classification";

    /// <summary>
    /// The training data, for the number of images, their sizes and samples of each class. The label column holds keys or texts; where it is missing, the model makes it. Default: null, and the
    /// report has the test data only.
    /// </summary>
    public IDataView? TrainingData { get; set; }

    /// <summary>The options that the model was trained with. Default: null, and the report doesn't list them.</summary>
    public ResNetTrainer.Options? TrainerOptions { get; set; }

    /// <summary>The seed of the <see cref="MLContext"/> that trained. Default: null, not stated.</summary>
    public int? Seed { get; set; }

    /// <summary>The time that <c>Fit</c> took. Default: null, that of the epochs.</summary>
    public TimeSpan? TrainingTime { get; set; }

    /// <summary>What <see cref="ResNetTrainer.FindLearningRate"/> found, to be drawn. Default: null.</summary>
    public LearningRateCurve? LearningRates { get; set; }

    /// <summary>How many mistakes are shown, the most confident first. Default: 24; 0 or more.</summary>
    public int MaxMistakes { get; set; } = 24;

    /// <summary>Whether each of these mistakes has a second picture, of what speaks for the class that it is taken for (<see cref="ResNetTransformer.Explain(string, string?, int?)"/>). Default: true. Images are shown of models that read paths or the content of files.</summary>
    public bool ExplainMistakes { get; set; } = true;

    /// <summary>How many images of each class are shown. Default: 4; 0 or more. Beyond 30 classes, those of the first 30.</summary>
    public int SamplesPerClass { get; set; } = 4;

    /// <summary>The name of the model's score column. Default: "Score".</summary>
    public string ScoreColumnName { get; set; } = "Score";

    /// <summary>The name of the model's column of predicted labels. Default: "PredictedLabel".</summary>
    public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Title, nameof(Title));
        ArgumentException.ThrowIfNullOrWhiteSpace(ScoreColumnName, nameof(ScoreColumnName));
        ArgumentException.ThrowIfNullOrWhiteSpace(PredictedLabelColumnName, nameof(PredictedLabelColumnName));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxMistakes, nameof(MaxMistakes));
        ArgumentOutOfRangeException.ThrowIfNegative(SamplesPerClass, nameof(SamplesPerClass));
    }
}
