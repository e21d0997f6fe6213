using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.PixelNormalizing;
using Microsoft.ML.ResNet.Scoring;

namespace Microsoft.ML.ResNet;

/// <summary>Normalises pixel vectors channel by channel, row by row. Saved and loaded by <c>mlContext.Model</c>; safe to use from many threads.</summary>
public sealed class PixelNormalizingTransformer : ITransformer
{
    private readonly string _outputColumnName;
    private readonly string _inputColumnName;
    private readonly PixelNormalization _normalization;

    internal PixelNormalizingTransformer(string outputColumnName, string inputColumnName, PixelNormalization normalization)
    {
        _outputColumnName = outputColumnName;
        _inputColumnName = inputColumnName;
        _normalization = normalization;
    }

    /// <summary>The mean of each channel that is subtracted.</summary>
    public IReadOnlyList<float> Mean => _normalization.Mean;

    /// <summary>The standard deviation of each channel that the difference is divided by.</summary>
    public IReadOnlyList<float> StandardDeviation => _normalization.StandardDeviation;

    /// <summary>The factor that is applied first.</summary>
    public float Scale => _normalization.Scale;

    /// <summary>Whether rows are mapped one by one: true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema after normalisation: the input's columns, then the output column.</summary>
    /// <param name="inputSchema">The schema of the data.</param>
    /// <exception cref="ArgumentException">The input column is missing, or has another number of channels.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new PixelNormalizingRowMapper(inputSchema, _inputColumnName, _outputColumnName, _normalization).OutputSchema;

    /// <summary>Adds the normalised column to a data set.</summary>
    /// <param name="input">The data.</param>
    /// <exception cref="ArgumentException">The input column is missing, or has another number of channels.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new RowMappedDataView(input, GetRowToRowMapper(input.Schema));
    }

    /// <summary>A mapper for single rows; <c>PredictionEngine</c> uses it.</summary>
    /// <param name="inputSchema">The schema of the rows.</param>
    /// <exception cref="ArgumentException">The input column is missing, or has another number of channels.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new PixelNormalizingRowMapper(inputSchema, _inputColumnName, _outputColumnName, _normalization);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
        => PixelNormalizingTransformerLoader.Folder.Save(ctx, JsonSerializer.SerializeToUtf8Bytes(new Description(
            1, _outputColumnName, _inputColumnName, _normalization.Scale, [.. _normalization.Mean], [.. _normalization.StandardDeviation])));

    internal static PixelNormalizingTransformer Load(byte[] json)
    {
        try
        {
            Description description = JsonSerializer.Deserialize<Description>(json) ?? throw new FormatException("It is empty.");
            ModelDescription.Require(description.Mean is not null && description.StandardDeviation is not null, "The mean or the deviation is null.");
            var estimator = new PixelNormalizingEstimator(
                description.OutputColumnName, description.InputColumnName, description.Mean, description.StandardDeviation, description.Scale);
            return description.FormatVersion == 1
                ? new PixelNormalizingTransformer(
                    description.OutputColumnName, description.InputColumnName, new PixelNormalization(description.Scale, description.Mean, description.StandardDeviation))
                : throw new FormatException($"Its format version is {description.FormatVersion}, and this version of Microsoft.ML.ResNet reads 1.");
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"The model file's description of NormalizePixels can't be used: {exception.Message}", exception);
        }
    }

    private sealed record Description(int FormatVersion, string OutputColumnName, string InputColumnName, float Scale, float[] Mean, float[] StandardDeviation);
}
