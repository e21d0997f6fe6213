namespace ImageClassification;

/// <summary>A row of the data: what goes into the pipeline.</summary>
internal sealed class LabeledImage
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}
