using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>All that scoring needs of a fitted model.</summary>
/// <param name="Scorer">The network.</param>
/// <param name="Column">The image column.</param>
/// <param name="Range">The meaning of pixel values.</param>
/// <param name="CreateColumns">The columns that are added to an input.</param>
/// <param name="Preprocessor">Brings image files to the network's size; null for pixels.</param>
/// <param name="BadImages">What to do with an image that can't be read.</param>
/// <param name="ImageFolder">The folder that relative paths are relative to, or null.</param>
internal sealed record ScoringModel(
    ImageScorer Scorer,
    ImageColumn Column,
    PixelRange Range,
    Func<DataViewSchema, IOutputColumns> CreateColumns,
    ImagePreprocessor? Preprocessor,
    BadImageHandling BadImages,
    string? ImageFolder)
{
    public ImageRowReader CreateReader(DataViewRow row, DataViewSchema.Column column)
        => ImageRowReader.Create(row, column, Column, Range, Preprocessor, ImageFolder);
}
