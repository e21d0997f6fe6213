using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>
/// Trains on a folder of class folders, once for each seed, and prints the accuracy on a test folder. Training labels can be spoiled,
/// and classes thinned out, by a fixed rule; every option of the trainer can be set by <c>Name=Value</c>.
/// </summary>
internal static class AccuracyRun
{
    public const string Name = "accuracy";

    private const string Usage = "accuracy --train DIR --test DIR [--seeds 0,1,2] [--wrong-labels SHARE] [--imbalance RATIO] [--blocks 3,3,3] [--widths 16,32,64] [--pretrained] [--log] [OPTION=VALUE ...]";

    public static int Run(string[] arguments)
    {
        string? Value(string name) => Array.IndexOf(arguments, name) is var at and >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
        if (Value("--train") is not { } train || Value("--test") is not { } test)
        {
            Console.Error.WriteLine($"Expected {Usage}");
            return 2;
        }

        double wrongShare = double.Parse(Value("--wrong-labels") ?? "0", CultureInfo.InvariantCulture);
        int imbalance = int.Parse(Value("--imbalance") ?? "1", CultureInfo.InvariantCulture);
        bool logs = arguments.Contains("--log");
        List<MulticlassClassificationMetrics> results = [];
        foreach (int seed in (Value("--seeds") ?? "0,1,2").Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture)))
        {
            var context = new MLContext(seed);
            if (logs)
            {
                context.Log += (_, log) =>
                {
                    if (log.Source.Contains("ResNet", StringComparison.Ordinal) && log.Kind >= Runtime.ChannelMessageKind.Info)
                    {
                        Console.Error.WriteLine(log.RawMessage);
                    }
                };
            }

            ResNetTrainer.Options options = OptionsOf(arguments);
            List<Row> rows = Spoil(Read(context, train), wrongShare, imbalance);
            var pipeline = context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
                .Append(context.MulticlassClassification.Trainers.ResNet(options));
            var clock = Stopwatch.StartNew();
            using TransformerChain<ResNetTransformer> model = pipeline.Fit(context.Data.LoadFromEnumerable(rows));
            double seconds = clock.Elapsed.TotalSeconds;
            MulticlassClassificationMetrics metrics = context.MulticlassClassification.Evaluate(model.Transform(context.Data.LoadFromEnumerable(Read(context, test))));
            results.Add(metrics);
            IReadOnlyList<EpochMetrics> history = model.LastTransformer.TrainingHistory;
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                seed,
                images = rows.Count,
                epochs = history.Count,
                accuracy = Math.Round(metrics.MicroAccuracy, 4),
                macroAccuracy = Math.Round(metrics.MacroAccuracy, 4),
                logLoss = Math.Round(metrics.LogLoss, 4),
                seconds = Math.Round(seconds, 1),
                imagesPerSecond = Math.Round(history.Sum(epoch => (double)epoch.ImageCount) / seconds, 1),
                trainingAccuracy = Math.Round(history[^1].TrainingAccuracy, 4),
            }));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"mean of {results.Count}: accuracy {results.Average(metrics => metrics.MicroAccuracy):F4} ({results.Min(metrics => metrics.MicroAccuracy):F4} to {results.Max(metrics => metrics.MicroAccuracy):F4}), macro accuracy {results.Average(metrics => metrics.MacroAccuracy):F4}, log-loss {results.Average(metrics => metrics.LogLoss):F4}"));
        return 0;
    }

    private static ResNetTrainer.Options OptionsOf(string[] arguments)
    {
        var options = new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Architecture = ResNetArchitecture.ResNet20,
            PretrainedWeights = arguments.Contains("--pretrained") ? ResNetWeights.ImageNet() : null,
        };
        foreach (string[] assignment in arguments.Where(argument => !argument.StartsWith('-') && argument.Contains('=')).Select(argument => argument.Split('=', 2)))
        {
            PropertyInfo property = typeof(ResNetTrainer.Options).GetProperty(assignment[0])
                ?? throw new ArgumentException($"The trainer has no option '{assignment[0]}'.");
            Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            property.SetValue(options, TypeDescriptor.GetConverter(type).ConvertFromInvariantString(assignment[1]));
        }

        int blocksAt = Array.IndexOf(arguments, "--blocks"), widthsAt = Array.IndexOf(arguments, "--widths");
        if (blocksAt >= 0 && widthsAt >= 0)
        {
            // The trainer refuses a named architecture beside a specification.
            options.Architecture = new ResNetTrainer.Options().Architecture;
            options.Specification = new ResNetSpecification { Depths = Numbers(arguments[blocksAt + 1]), Widths = Numbers(arguments[widthsAt + 1]), Stem = ResNetStem.Cifar };
        }

        return options;
    }

    private static int[] Numbers(string text) => [.. text.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];

    private static List<Row> Read(MLContext context, string folder)
        => [.. context.Data.CreateEnumerable<Row>(context.Data.LoadImageFolder(folder), reuseRowObject: false)];

    /// <summary>
    /// Of every ten images the first few get another class, the classes taking turns; and of every second class only one in
    /// <paramref name="imbalance"/> images is kept.
    /// </summary>
    private static List<Row> Spoil(List<Row> rows, double wrongShare, int imbalance)
    {
        string[] classes = [.. rows.Select(row => row.Label).Distinct().Order(StringComparer.Ordinal)];
        List<Row> spoiled = [];
        foreach (IGrouping<string, Row> group in rows.GroupBy(row => row.Label))
        {
            int own = Array.IndexOf(classes, group.Key);
            spoiled.AddRange(group.Where((_, i) => own % 2 == 0 || i % imbalance == 0)
                .Select((row, i) => i % 10 < wrongShare * 10
                    ? new Row { ImagePath = row.ImagePath, Label = classes[(own + 1 + ((i / 10 * 3) + (i % 10)) % (classes.Length - 1)) % classes.Length] }
                    : row));
        }

        return spoiled;
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
