using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A row of planar pixels, 3 channels of 8x8, 0 to 255.</summary>
internal sealed class PixelRow
{
    public string Label { get; set; } = "";

    [VectorType(3, 8, 8)]
    public float[] Features { get; set; } = [];
}

/// <summary>The two outputs of a classifier, as an application reads them.</summary>
internal sealed class PredictionRow
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}

internal static class PixelRows
{
    public static readonly string[] Colours = ["red", "green", "blue"];

    /// <summary>A network that learns these rows in a second.</summary>
    public static readonly ResNetSpecification TinyNetwork = new() { Depths = [1, 1], Widths = [8, 16], Stem = ResNetStem.Cifar };

    /// <summary>Noisy pictures in which one channel, that of the label, is brighter than the others.</summary>
    public static List<PixelRow> Create(int count, int seed = 1, params string[] labels)
    {
        labels = labels.Length == 0 ? Colours : labels;
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => new PixelRow { Label = labels[i % labels.Length], Features = Pixels(i % labels.Length, random) })];
    }

    public static float[] Pixels(int brightChannel, Random random)
        => [.. Enumerable.Range(0, 3 * 64).Select(i => (float)random.Next(i / 64 == brightChannel % 3 ? 100 : 0, i / 64 == brightChannel % 3 ? 256 : 156))];

    public static ResNetTrainer.Options Options(int epochs = 2, int batchSize = 8) => new()
    {
        Specification = TinyNetwork,
        Epochs = epochs,
        BatchSize = batchSize,
        LearningRate = 0.05,
        WarmupEpochs = 0,
        RandomCropPadding = 1,
    };

    public static ITransformer Fit(MLContext context, IDataView data, ResNetTrainer.Options options)
        => context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.MulticlassClassification.Trainers.ResNet(options))
            .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(data);

    /// <summary>The rows with the label as a key, in the order of occurrence or in the order given.</summary>
    public static IDataView Keyed<TRow>(MLContext context, List<TRow> rows, params string[] order)
        where TRow : class
    {
        IDataView data = context.Data.LoadFromEnumerable(rows);
        IDataView keys = order.Length == 0 ? data : context.Data.LoadFromEnumerable(order.Select(label => new KeyRow { Label = label }));
        return context.Transforms.Conversion.MapValueToKey("Label", keyData: order.Length == 0 ? null : keys).Fit(data).Transform(data);
    }

    public static ResNetTransformer ResNetOf(ITransformer chain) => ((IEnumerable<ITransformer>)chain).OfType<ResNetTransformer>().Single();

    /// <summary>An engine that leaves the model alone when it is disposed, which ML.NET's default doesn't.</summary>
    public static PredictionEngine<PixelRow, PredictionRow> CreateEngine(MLContext context, ITransformer model)
        => context.Model.CreatePredictionEngine<PixelRow, PredictionRow>(model, new PredictionEngineOptions { OwnsTransformer = false });

    public static float[][] Scores(ITransformer model, IDataView data)
    {
        IDataView scored = model.Transform(data);
        return [.. scored.GetColumn<float[]>(scored.Schema["Score"])];
    }

    private sealed class KeyRow
    {
        public string Label { get; set; } = "";
    }

    /// <summary>Stripes of noise that go across or down: nothing that colours tell.</summary>
    public static List<PixelRow> Stripes(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            float[] stripes = [.. Enumerable.Range(0, 8).Select(_ => (float)random.Next(60))];
            return new PixelRow { Label = i % 2 == 0 ? "across" : "down", Features = [.. Enumerable.Range(0, 3 * 64).Select(at => 98 + stripes[i % 2 == 0 ? at % 64 / 8 : at % 8] + random.Next(60))] };
        })];
    }

    /// <summary>Options that take a fitted model's network for other classes.</summary>
    public static ResNetTrainer.Options FineTuning(ResNetTransformer pretrained, FineTuningMode mode) => new()
    {
        PretrainedWeights = ResNetWeights.FromTransformer(pretrained),
        FineTuning = mode,
        Epochs = 4,
        BatchSize = 8,
        LearningRate = mode == FineTuningMode.Full ? 0.05 : null,
        RandomCropPadding = 1,
    };
}
