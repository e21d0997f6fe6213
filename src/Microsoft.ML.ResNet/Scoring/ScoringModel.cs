using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>All that scoring needs of a fitted model.</summary>
/// <param name="Scorer">The network.</param>
/// <param name="Column">The image column.</param>
/// <param name="Values">What pixel values mean.</param>
/// <param name="CreateColumns">The columns that are added to an input.</param>
/// <param name="Preprocessor">Brings image files to the network's size; null for pixels.</param>
/// <param name="BadImages">What to do with an image that can't be read.</param>
/// <param name="ImageFolder">The folder that relative paths are relative to, or null.</param>
internal sealed record ScoringModel(
    ImageScorer Scorer,
    ImageColumn Column,
    PixelValues Values,
    Func<DataViewSchema, IOutputColumns> CreateColumns,
    ImagePreprocessor? Preprocessor,
    BadImageHandling BadImages,
    string? ImageFolder)
{
    /// <summary>The probability below which no label is predicted; 0 for features and for models that always predict one.</summary>
    public float MinimumScore { get; init; }

    /// <summary>The schema of a data set with the added columns.</summary>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    public DataViewSchema OutputSchema(DataViewSchema input)
    {
        ArgumentNullException.ThrowIfNull(input, "inputSchema");
        return new ScoringRowMapper(this, input).OutputSchema;
    }

    /// <summary>The data set with the added columns, computed in batches as rows are read.</summary>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using ReferenceCount.Use use = Scorer.Enter();
        return new ScoredDataView(input, new ScoringRowMapper(this, input.Schema));
    }

    /// <summary>A mapper that scores single rows.</summary>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public IRowToRowMapper RowMapper(DataViewSchema input)
    {
        ArgumentNullException.ThrowIfNull(input, "inputSchema");
        using ReferenceCount.Use use = Scorer.Enter();
        return new ScoringRowMapper(this, input);
    }

    /// <summary>Writes the weights as safetensors.</summary>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public void WriteWeights(Stream stream, IReadOnlyDictionary<string, string>? metadata = null, bool includeHead = true)
    {
        using ReferenceCount.Use use = Scorer.Enter();
        NetworkWeights.Write(Scorer.Network, stream, metadata, includeHead);
    }

    public ImageRowReader CreateReader(DataViewRow row, DataViewSchema.Column column)
        => ImageRowReader.Create(row, column, Column, Values, Preprocessor, ImageFolder);
}
