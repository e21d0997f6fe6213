
namespace Microsoft.ML.ResNet.Datasets;

/// <summary>A row of an image folder.</summary>
internal sealed class LabeledImageFile
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}
