using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.MLNet;

namespace Microsoft.ML.ResNet;

/// <summary>Normalises pixel vectors channel by channel. Made by <c>mlContext.Transforms.NormalizePixels(...)</c>. It learns nothing from the data.</summary>
public sealed class PixelNormalizingEstimator : IEstimator<PixelNormalizingTransformer>
{
    private readonly string _outputColumnName;
    private readonly string _inputColumnName;
    private readonly float[]? _mean;
    private readonly float[]? _standardDeviation;
    private readonly float _scale;

    internal PixelNormalizingEstimator(string outputColumnName, string inputColumnName, float[]? mean, float[]? standardDeviation, float scale)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(outputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(inputColumnName);
        if (mean?.Length is 0 or 2 or > 3)
        {
            throw new ArgumentException($"The mean has {mean.Length} values, expected 1 or 3: one a channel.", nameof(mean));
        }

        if (mean is not null && standardDeviation is not null && mean.Length != standardDeviation.Length)
        {
            throw new ArgumentException($"The mean has {mean.Length} values and the standard deviation {standardDeviation.Length}, expected one a channel in each.", nameof(standardDeviation));
        }

        if (mean?.Any(value => !float.IsFinite(value)) == true)
        {
            throw new ArgumentException("The mean has a value that is not finite.", nameof(mean));
        }

        if (standardDeviation?.Any(value => !(value > 0 && float.IsFinite(value))) == true)
        {
            throw new ArgumentException("The standard deviation has a value that is not above 0.", nameof(standardDeviation));
        }

        if (!float.IsFinite(scale) || scale == 0)
        {
            throw new ArgumentException($"The scale is {scale}, expected a finite number other than 0, such as 1/255.", nameof(scale));
        }

        _outputColumnName = outputColumnName;
        _inputColumnName = inputColumnName;
        _mean = (float[]?)mean?.Clone();
        _standardDeviation = (float[]?)standardDeviation?.Clone();
        _scale = scale;
    }

    /// <summary>Makes the transformer for data with this schema.</summary>
    /// <param name="input">The data; only its schema is looked at.</param>
    /// <exception cref="ArgumentException">The input column is missing, or no vector of pixels.</exception>
    public PixelNormalizingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        int channels = ImageColumn.Of(input.Schema, _inputColumnName, PixelLayout.Auto) is { Kind: FeatureKind.Pixels } column
            ? column.Channels
            : throw new ArgumentException($"Column '{_inputColumnName}' has type {input.Schema[_inputColumnName].Type}, expected a vector of Single (pixels). Add ExtractPixels before NormalizePixels.");
        var normalization = new PixelNormalization(
            _scale,
            _mean ?? ImagePreprocessing.DefaultMean(channels),
            _standardDeviation ?? ImagePreprocessing.DefaultStandardDeviation(channels));
        if (normalization.Mean.Count != channels || normalization.StandardDeviation.Count != channels)
        {
            throw new ArgumentException(
                $"NormalizePixels has {normalization.Mean.Count} means and {normalization.StandardDeviation.Count} deviations, but column '{_inputColumnName}' has {channels} channels, expected one value a channel.");
        }

        return new PixelNormalizingTransformer(_outputColumnName, _inputColumnName, normalization);
    }

    /// <summary>The columns after normalisation, from those before.</summary>
    /// <param name="inputSchema">The columns of the data.</param>
    /// <exception cref="ArgumentException">The input column is missing or no vector of <c>Single</c>.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column input = SchemaShapes.Require(inputSchema, _inputColumnName, "Column");
        if (input.Kind != SchemaShape.Column.VectorKind.Vector || input.ItemType != NumberDataViewType.Single || input.IsKey)
        {
            throw new ArgumentException($"Column '{_inputColumnName}' has type {SchemaShapes.TypeName(input)}, expected a vector of Single (pixels). Add ExtractPixels before NormalizePixels.");
        }

        return SchemaShapes.With(
            inputSchema,
            SchemaShapes.Vector(
                _outputColumnName,
                NumberDataViewType.Single,
                [new SchemaShape.Column(PixelNormalization.AnnotationKind, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, isKey: false)]));
    }
}
