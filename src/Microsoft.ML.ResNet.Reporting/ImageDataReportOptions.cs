namespace Microsoft.ML.ResNet;

/// <summary>The settings of <see cref="ImageDataReport"/>.</summary>
public sealed class ImageDataReportOptions
{
    /// <summary>The heading. Default: "Image data".</summary>
    public string Title { get; set; } = "Image data";

    /// <summary>How many labels, and how many pairs, are shown. Default: 100; 0 or more.</summary>
    public int MaxShown { get; set; } = 100;
}
