namespace Microsoft.ML.ResNet;

/// <summary>A row of a data set, and how far its label is to be doubted. Made by <c>mlContext.MulticlassClassification.FindLabelErrors(...)</c>.</summary>
public sealed class LabelSuspicion
{
    /// <summary>The number of the row in the data, from 0.</summary>
    public long Row { get; init; }

    /// <summary>The text by which the row is named, such as the path of its image; empty where the data have none.</summary>
    public string ImagePath { get; init; } = "";

    /// <summary>The label in the data, as text.</summary>
    public string Label { get; init; } = "";

    /// <summary>The most probable of the other classes.</summary>
    public string SuggestedLabel { get; init; } = "";

    /// <summary>The probability of the label by a classifier that has not seen the row; 0 to 1.</summary>
    public float LabelProbability { get; init; }

    /// <summary>The probability of the most probable of the other classes; 0 to 1.</summary>
    public float SuggestedProbability { get; init; }

    /// <summary>Whether confident learning counts the label as wrong: the classifier is as sure of another class as it is of that class's own images on the average.</summary>
    public bool IsLikelyError { get; init; }
}
