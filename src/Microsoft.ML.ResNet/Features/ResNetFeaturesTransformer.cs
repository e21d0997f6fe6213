using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Features;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Adds the features of images to a data set: the pooled activations before a residual network's classifier, a vector of <c>Single</c>
/// of known size, for ML.NET's own trainers, clustering, or the search for similar images. It is immutable, may be used from many
/// threads at once, and is saved and loaded by <c>mlContext.Model</c>.
/// </summary>
/// <remarks>It holds native memory: dispose it when it is no longer needed. A use after that throws <see cref="ObjectDisposedException"/>.</remarks>
public sealed class ResNetFeaturesTransformer : ITransformer, IDisposable
{
    private readonly FeaturesDescription _description;
    private readonly ScoringModel _model;

    private ResNetFeaturesTransformer(FeaturesDescription description, ResidualNetwork network, ScoringDevice device)
    {
        _description = description;
        Specification = network.Specification;
        FeatureCount = network.FeatureCount;
        Preprocessing = description.Image.ToPreprocessing();
        _model = new ScoringModel(
            new ImageScorer(network, description.Image.ToInputFormat(), device, NetworkOutput.Features, nameof(ResNetFeaturesTransformer)),
            description.Column,
            description.Image.ToPixelValues(),
            input => new FeatureSchema(input, description.OutputColumn, network.FeatureCount),
            description.Image.CreatePreprocessor(),
            description.Image.BadImages,
            description.Image.Folder);
    }

    /// <summary>The network.</summary>
    public ResNetSpecification Specification { get; }

    /// <summary>The number of features of an image.</summary>
    public int FeatureCount { get; }

    /// <summary>How an image becomes the network's input.</summary>
    public ImagePreprocessing Preprocessing { get; }

    /// <summary>Whether rows are mapped one by one: true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema with the features: the input's columns, then the output column.</summary>
    /// <param name="inputSchema">The schema of the data.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of another type than the transformer was made for.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _model.OutputSchema(inputSchema);

    /// <summary>Adds the features to a data set. They are computed in batches as the rows are read.</summary>
    /// <param name="input">The data.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of another type than the transformer was made for.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public IDataView Transform(IDataView input) => _model.Transform(input);

    /// <summary>A mapper for single rows; <c>PredictionEngine</c> uses it.</summary>
    /// <param name="inputSchema">The schema of the rows.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of another type than the transformer was made for.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _model.RowMapper(inputSchema);

    /// <summary>Frees the network's memory when the last computation that is under way is over.</summary>
    public void Dispose() => _model.Scorer.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => ResNetFeaturesTransformerLoader.Folder.Save(ctx, _description.ToJson(), stream => _model.WriteWeights(stream, includeHead: false));

    /// <summary>Takes ownership of the network, whose classifier is not used.</summary>
    internal static ResNetFeaturesTransformer Create(FeaturesDescription description, ResidualNetwork network, ScoringDevice device)
        => new(description, network, device);

    internal static ResNetFeaturesTransformer Load(IHostEnvironment environment, byte[] json, Stream weights)
    {
        FeaturesDescription description = FeaturesDescription.FromJson(json);
        return StoredNetwork.Load(
            environment,
            nameof(ResNetFeaturesTransformer),
            description.Network.ToSpecification(),
            description.Network.Channels,
            classCount: null,
            weights,
            ScoringPrecision.Float32,
            (network, device) => new ResNetFeaturesTransformer(description, network, device));
    }
}
