using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Explaining;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet;

/// <summary>Shows which parts of images speak for their class. Made by <c>mlContext.Transforms.ResNetExplanation(...)</c>. It learns nothing from the data.</summary>
public sealed class ResNetExplanationEstimator : IEstimator<ResNetExplanationTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly ResNetTransformer _classifier;
    private readonly ExplanationColumns _columns;

    internal ResNetExplanationEstimator(IHostEnvironment environment, ResNetTransformer classifier, ExplanationColumns columns)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        columns.Validate();
        classifier.CheckExplained(className: null, columns.Stage);
        _environment = environment;
        _classifier = classifier;
        _columns = columns;
    }

    /// <summary>Makes the transformer, with weights of its own: it is to be disposed, and the classifier may be.</summary>
    /// <param name="input">The data; only its schema is looked at.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that holds no images.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public ResNetExplanationTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ExplanationRowMapper.Require(input.Schema, _columns.Input);
        return new ResNetExplanationTransformer(_classifier.Copy(_environment), _columns);
    }

    /// <summary>The columns with the picture, from those before.</summary>
    /// <param name="inputSchema">The columns of the data.</param>
    /// <exception cref="ArgumentException">The image column is missing or of the wrong type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ImageColumn.Check(SchemaShapes.Require(inputSchema, _columns.Input, "Column"), "Column", "ResNetExplanation takes images only.");
        return SchemaShapes.With(inputSchema, SchemaShapes.Scalar(_columns.Output, ExplanationRowMapper.TypeOf(_classifier)));
    }
}
