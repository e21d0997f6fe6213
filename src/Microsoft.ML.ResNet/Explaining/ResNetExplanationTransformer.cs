using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Explaining;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Adds a picture to a data set that shows which parts of the image speak for the class that a classifier takes it for, an <see cref="MLImage"/>. It is saved and loaded by
/// <c>mlContext.Model</c>, and safe to use from many threads.
/// </summary>
/// <remarks>It holds native memory: dispose it when it is no longer needed. A use after that throws <see cref="ObjectDisposedException"/>.</remarks>
public sealed class ResNetExplanationTransformer : ITransformer, IDisposable
{
    private readonly ResNetTransformer _classifier;
    private readonly ExplanationColumns _columns;

    /// <summary>Takes ownership of the classifier.</summary>
    internal ResNetExplanationTransformer(ResNetTransformer classifier, ExplanationColumns columns)
    {
        _classifier = classifier;
        _columns = columns;
    }

    /// <summary>The width of the pictures, in pixels: that of the network's input, or a multiple of it of at least 224.</summary>
    public int ImageWidth => ExplanationColumns.SizeFor(_classifier).Width;

    /// <summary>The height of the pictures, in pixels: that of the network's input, or a multiple of it of at least 224.</summary>
    public int ImageHeight => ExplanationColumns.SizeFor(_classifier).Height;

    /// <summary>Whether rows are mapped one by one: true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema with the picture: the input's columns, then the output column.</summary>
    /// <param name="inputSchema">The schema of the data.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that holds no images.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => GetRowToRowMapper(inputSchema).OutputSchema;

    /// <summary>Adds the picture to a data set. A picture is made when it is asked for.</summary>
    /// <param name="input">The data.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that holds no images.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new RowMappedDataView(input, GetRowToRowMapper(input.Schema));
    }

    /// <summary>A mapper for single rows; <c>PredictionEngine</c> uses it.</summary>
    /// <param name="inputSchema">The schema of the rows.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that holds no images.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ExplanationRowMapper(inputSchema, _classifier, _columns);
    }

    /// <summary>Frees the network's memory when the last picture that is under way is made.</summary>
    public void Dispose() => _classifier.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => ResNetExplanationTransformerLoader.Folder.Save(
        ctx,
        JsonSerializer.SerializeToUtf8Bytes(new Description(1, _columns, JsonSerializer.Deserialize<JsonElement>(_classifier.DescriptionJson()))),
        _classifier.WriteWeights);

    internal static ResNetExplanationTransformer Load(IHostEnvironment environment, byte[] json, Stream weights)
    {
        Description description;
        try
        {
            description = JsonSerializer.Deserialize<Description>(json) ?? throw new FormatException("it is empty.");
            ModelDescription.Require(description.FormatVersion == 1, $"its format version is {description.FormatVersion}, and this version of Microsoft.ML.ResNet reads 1.");
            ModelDescription.Require(description.Columns is not null, "a part of it is null.");
            description.Columns.Validate();
        }
        catch (Exception exception) when (exception is JsonException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"The model file's description of ResNetExplanation can't be used: {exception.Message}", exception);
        }

        ResNetTransformer classifier = ResNetTransformer.Load(environment, JsonSerializer.SerializeToUtf8Bytes(description.Classifier), weights);
        try
        {
            classifier.CheckExplained(className: null, description.Columns.Stage);
            return new ResNetExplanationTransformer(classifier, description.Columns);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            classifier.Dispose();
            throw new InvalidDataException($"The model file's description of ResNetExplanation can't be used: {exception.Message}", exception);
        }
    }

    private sealed record Description(int FormatVersion, ExplanationColumns Columns, JsonElement Classifier);
}
