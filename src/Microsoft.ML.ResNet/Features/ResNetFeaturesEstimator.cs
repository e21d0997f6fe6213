using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Weights;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Computes the features of images with a residual network that was trained before: what its classifier would read. Made by
/// <c>mlContext.Transforms.ResNetFeatures(...)</c>. It learns nothing from the data.
/// </summary>
public sealed partial class ResNetFeaturesEstimator : IEstimator<ResNetFeaturesTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;

    internal ResNetFeaturesEstimator(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Copy();
        _options.Validate();
        _host = environment.Register(nameof(ResNetFeaturesEstimator));
    }

    private ResNetWeights Weights => _options.Weights!;

    /// <summary>Makes the transformer for data with this schema.</summary>
    /// <param name="input">The data. Its schema is looked at, and of pixel vectors whose range is not said the first rows.</param>
    /// <returns>The transformer, which is to be disposed.</returns>
    /// <exception cref="ArgumentException">The image column is missing or of the wrong type, or its size contradicts ImageSize.</exception>
    public ResNetFeaturesTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        NativeTorch.EnsureLoaded();
        using IChannel channel = _host.Start(nameof(Fit));
        if (Weights.NonFiniteCount > 0)
        {
            channel.Warning(MessageSensitivity.None, "{0} values of the weights of '{1}' are NaN or infinite; features may be too.", Weights.NonFiniteCount, Weights.Source);
        }

        ImageColumn column = ImageColumn.Of(input.Schema, _options.InputColumnName, _options.PixelLayout, _options.ImageSize);
        NormalizationCheck.Require(Weights, input.Schema[column.Name], column.Channels);
        FeaturesDescription description = Describe(input, column);
        torch.Device device = TorchDevice.Choose(_host, channel);
        var network = new ResidualNetwork(Weights.Specification, description.Network.Channels, classCount: 1, seed: null);
        try
        {
            WeightTransfer.CopyTo(Weights, network, includeHead: false);
            return ResNetFeaturesTransformer.Create(description, network, ScoringDevice.Choose(device, ScoringPrecision.Float32, ScoringBackend.Auto, _host, channel));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The columns with the features, from those before.</summary>
    /// <param name="inputSchema">The columns of the data.</param>
    /// <exception cref="ArgumentException">The image column is missing or of the wrong type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column input = SchemaShapes.Require(inputSchema, _options.InputColumnName, "Column");
        ImageColumn.Check(input, "Column", "Add LoadImages or ExtractPixels before ResNetFeatures.");
        return SchemaShapes.With(inputSchema, SchemaShapes.Vector(_options.OutputColumnName, NumberDataViewType.Single, []));
    }

    private FeaturesDescription Describe(IDataView input, ImageColumn column)
    {
        bool isPixels = column.Kind == FeatureKind.Pixels;
        PixelRange range = isPixels
            ? new PixelVectorLoader(column, _options.BadImages, new ImageCacheSettings(0, Path.GetTempPath()), () => { }).DetermineRange(input, _options.PixelRange)
            : PixelRange.ZeroTo255;
        ImagePreprocessing? trained = Weights.Preprocessing;
        const int imageNetSize = 224, cifarSize = 32;
        int size = Weights.Specification.Stem == ResNetStem.ImageNet ? imageNetSize : cifarSize;
        int width = isPixels ? column.Width : _options.ImageSize ?? trained?.Width ?? size;
        int height = isPixels ? column.Height : _options.ImageSize ?? trained?.Height ?? size;
        if (isPixels && _options.ImageSize is { } wanted && (wanted != width || wanted != height))
        {
            throw new ArgumentException($"ImageSize is {wanted}, but column '{column.Name}' has pixels of {width}x{height}. Leave ImageSize out, or resize the images before ExtractPixels.");
        }

        bool isTrainedSize = trained is not null && (trained.Width, trained.Height) == (width, height);
        var (mean, deviation) = Weights.NormalizationFor(column.Channels);
        return new FeaturesDescription
        {
            FormatVersion = FeaturesDescription.CurrentFormatVersion,
            Network = ModelDescription.NetworkPart.Of(Weights.Specification, column.Channels),
            InputColumn = _options.InputColumnName,
            OutputColumn = _options.OutputColumnName,
            Image = new ModelDescription.ImagePart
            {
                Kind = column.Kind,
                Width = width,
                Height = height,
                Fit = trained?.Fit ?? ImageFit.ShortSideCrop,
                ShortSide = isTrainedSize ? trained!.ShortSide : ImagePreprocessing.DefaultShortSide(Math.Min(width, height)),
                Mean = mean,
                StandardDeviation = deviation,
                IsPlanar = column.IsPlanar,
                Range = range,
                Normalization = column.Normalization,
                BadImages = _options.BadImages,
                Folder = _options.ImageFolder,
            },
        };
    }
}
