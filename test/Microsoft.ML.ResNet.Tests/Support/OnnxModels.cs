using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Transformers of untrained networks. Weights and running statistics are those of <see cref="GoldenFill"/>, none of them 0 or 1, so that
/// nothing cancels out.
/// </summary>
internal static class OnnxModels
{
    public static readonly string[] Classes = ["ant", "bee", "čmelák", "甲虫", "drone \"x\""];

    /// <summary>A model of pixel vectors, or of images of another kind.</summary>
    public static ResNetTransformer Create(
        ResNetSpecification specification,
        int size,
        PixelRange range = PixelRange.ZeroTo255,
        bool isPlanar = true,
        int channels = 3,
        FeatureKind kind = FeatureKind.Pixels,
        Action<ResidualNetwork>? change = null)
    {
        specification = specification.ResolveStem(size, size);
        var network = new ResidualNetwork(specification, channels, Classes.Length, seed: 0);
        GoldenFill.Fill(network);
        change?.Invoke(network);
        var description = new ModelDescription
        {
            FormatVersion = ModelDescription.CurrentFormatVersion,
            Network = ModelDescription.NetworkPart.Of(specification, channels),
            Columns = new ModelDescription.ColumnsPart("Label", "Features", "Score", "PredictedLabel"),
            Image = new ModelDescription.ImagePart
            {
                Kind = kind,
                Width = size,
                Height = size,
                Fit = ImageFit.ShortSideCrop,
                ShortSide = size,
                Mean = ImagePreprocessing.DefaultMean(channels),
                StandardDeviation = ImagePreprocessing.DefaultStandardDeviation(channels),
                IsPlanar = isPlanar,
                Range = range,
                BadImages = BadImageHandling.Throw,
            },
            Classes = new ModelDescription.ClassesPart("Text", Classes),
            Training = [],
        };
        return ResNetTransformer.Create(description, network, FusedOperators.Device());
    }

    /// <summary>Whole pixel values of 0 to 255, smooth enough to be told apart by a network.</summary>
    public static float[][] Pixels(int count, int size, int channels = 3)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            double[] phases = [.. Enumerable.Range(0, channels).Select(_ => random.NextDouble() * 6)];
            double frequency = 0.05 + (random.NextDouble() * 0.5);
            return Enumerable.Range(0, channels * size * size)
                .Select(i => (float)Math.Round(127.5 + (100 * Math.Sin(phases[i / (size * size)] + (frequency * ((i % size) + (0.6 * (i / size % size)))))) + random.Next(-25, 26)))
                .ToArray();
        })];
    }

    /// <summary>What the transformer scores.</summary>
    public static (float[][] Scores, uint[] Labels) Score(ResNetTransformer model, float[][] images, int[] dimensions)
    {
        var context = new MLContext();
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, dimensions);
        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(images.Select(image => new Row { Features = image }), schema));
        return ([.. scored.GetColumn<float[]>("Score")], [.. scored.GetColumn<uint>("PredictedLabel")]);
    }

    private sealed class Row
    {
        public float[] Features { get; set; } = [];
    }
}
