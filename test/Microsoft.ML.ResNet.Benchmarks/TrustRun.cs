using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>
/// What docs/trust.md speaks of, on folders of images: calibration on a fifth of the training images, planted wrong labels, the search for duplicates, and images of something else.
/// Usage: <c>trust --train DIR --test DIR --size PIXELS [--other DIR] [--scratch EPOCHS]</c>.
/// </summary>
internal static class TrustRun
{
    public const string Name = "trust";

    private const double HeldOut = 0.2, PlantedShare = 0.05, Precision = 0.95;
    private const int ManyImages = 10_000, FeatureCount = 512, Rounds = 3;

    private static readonly MLContext Context = new(1);

    public static int Run(string[] arguments)
    {
        string? Value(string name) => Array.IndexOf(arguments, name) is >= 0 and var at && at + 1 < arguments.Length ? arguments[at + 1] : null;
        if (Value("--train") is not { } train || Value("--test") is not { } test || !int.TryParse(Value("--size"), out int size))
        {
            Console.Error.WriteLine("Expected --train DIR --test DIR --size PIXELS [--other DIR] [--scratch EPOCHS].");
            return 2;
        }

        ImageRow[] rows = Read(train);
        new Random(1).Shuffle(rows);
        Calibrate("HeadOnly", rows, test, new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.ImageNet(), FineTuning = FineTuningMode.HeadOnly, ImageSize = size });
        if (int.TryParse(Value("--scratch"), out int epochs))
        {
            Calibrate($"ResNet20 from scratch, {epochs} epochs", rows, test, new ResNetTrainer.Options { Architecture = ResNetArchitecture.ResNet20, Epochs = epochs });
        }

        CompareViews("HeadOnly", rows, test, new ResNetTrainer.Options { PretrainedWeights = ResNetWeights.ImageNet(), FineTuning = FineTuningMode.HeadOnly, ImageSize = size });
        if (epochs > 0)
        {
            CompareViews($"ResNet20 from scratch, {epochs} epochs", rows, test, new ResNetTrainer.Options { Architecture = ResNetArchitecture.ResNet20, Epochs = epochs });
        }

        FindPlanted(rows, size);
        SearchMany();
        if (Value("--other") is { } other)
        {
            FindOthers(rows, Read(test), Read(other), size);
        }

        return 0;
    }

    private static void Calibrate(string name, ImageRow[] rows, string test, ResNetTrainer.Options options)
    {
        int cut = (int)(rows.Length * (1 - HeldOut));
        IDataView training = Data(rows[..cut]), heldOut = Data(rows[cut..]);
        options.FeatureColumnName = "ImagePath";
        IDataView keyed = Context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(training).Transform(training);
        using ResNetTransformer network = Context.MulticlassClassification.Trainers.ResNet(options).Fit(keyed);
        using ResNetTransformer calibrated = network.WithCalibratedScores(Context, heldOut);
        IDataView classes = Context.Data.LoadFromEnumerable(network.ClassNames.Select(className => new { Value = className }));
        IDataView Score(ResNetTransformer model, IDataView images)
            => Context.Data.Cache(model.Transform(Context.Transforms.Conversion.MapValueToKey("Label", keyData: classes).Fit(images).Transform(images)), "Label", "Score", "PredictedLabel");

        IDataView scored = Score(network, Data(Read(test))), scoredAfter = Score(calibrated, Data(Read(test)));
        CalibrationMetrics before = Context.MulticlassClassification.EvaluateCalibration(scored), after = Context.MulticlassClassification.EvaluateCalibration(scoredAfter);
        MinimumScoreChoice choice = Context.MulticlassClassification.ChooseMinimumScore(Score(calibrated, heldOut), Precision);
        using ResNetTransformer careful = calibrated.WithMinimumScore(Context, choice.MinimumScore);
        IDataView carefully = Score(careful, Data(Read(test)));
        uint[] labels = [.. carefully.GetColumn<uint>("Label")], predicted = [.. carefully.GetColumn<uint>("PredictedLabel")];
        int given = predicted.Count(label => label > 0), right = predicted.Zip(labels).Count(pair => pair.First == pair.Second);
        Write($"{name}: calibrated on {rows.Length - cut} images, temperature {calibrated.Temperature:F2}; test accuracy {Context.MulticlassClassification.Evaluate(scored).MicroAccuracy:F3}, log-loss {before.LogLoss:F3} before and {after.LogLoss:F3} after, ECE {before.ExpectedCalibrationError:F3} and {after.ExpectedCalibrationError:F3}");
        Write($"  minimum score for a precision of {Precision}: {choice.MinimumScore:F3}, there {choice.Precision:F3} with coverage {choice.Coverage:F3}; on the test images {right / (double)given:F3} with coverage {given / (double)labels.Length:F3}");
    }

    /// <summary>What test-time augmentation gains and costs: scores of the test images by the same network, in turns.</summary>
    private static void CompareViews(string name, ImageRow[] rows, string test, ResNetTrainer.Options options)
    {
        options.FeatureColumnName = "ImagePath";
        IDataView training = Data(rows);
        ITransformer keys = Context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(training);
        using ResNetTransformer network = Context.MulticlassClassification.Trainers.ResNet(options).Fit(keys.Transform(training));
        IDataView images = keys.Transform(Data(Read(test)));
        TestTimeAugmentation[] augmentations = network.Preprocessing.ShortSide > network.Preprocessing.Width
            ? Enum.GetValues<TestTimeAugmentation>()
            : [TestTimeAugmentation.None, TestTimeAugmentation.HorizontalFlip];
        ResNetTransformer[] models = [.. augmentations.Select(augmentation => network.WithTestTimeAugmentation(Context, augmentation))];
        var seconds = models.Select(_ => new List<double>()).ToArray();
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < models.Length; i++)
            {
                var clock = Stopwatch.StartNew();
                _ = models[i].Transform(images).GetColumn<float[]>("Score").Count();
                seconds[i].Add(clock.Elapsed.TotalSeconds);
            }
        }

        for (int i = 0; i < models.Length; i++)
        {
            MulticlassClassificationMetrics metrics = Context.MulticlassClassification.Evaluate(models[i].Transform(images));
            double times = seconds[i].Zip(seconds[0], (mine, one) => mine / one).Order().ElementAt(Rounds / 2);
            Write($"{name}, {augmentations[i]}: test accuracy {metrics.MicroAccuracy:F3}, log-loss {metrics.LogLoss:F3}, {times:F2} times the time of one view");
            models[i].Dispose();
        }
    }

    private static void FindPlanted(ImageRow[] rows, int size)
    {
        var random = new Random(7);
        string[] classes = [.. rows.Select(row => row.Label).Distinct().Order(StringComparer.Ordinal)];
        ImageRow[] planted = [.. rows.Select(row => new ImageRow { ImagePath = row.ImagePath, Label = row.Label })];
        int[] order = [.. Enumerable.Range(0, rows.Length)];
        random.Shuffle(order);
        HashSet<long> wrong = [.. order.Take((int)(rows.Length * PlantedShare)).Select(row => (long)row)];
        foreach (long row in wrong)
        {
            planted[row].Label = classes.Where(name => name != planted[row].Label).ElementAt(random.Next(classes.Length - 1));
        }

        var clock = Stopwatch.StartNew();
        IDataView features = Features(planted, size);
        TimeSpan featureTime = clock.Elapsed;
        clock.Restart();
        IReadOnlyList<LabelSuspicion> found = Context.MulticlassClassification.FindLabelErrors(features);
        TimeSpan time = clock.Elapsed;
        int likely = found.Count(row => row.IsLikelyError);
        Write($"Wrong labels: {wrong.Count} of {rows.Length} planted, {found.Take(rows.Length / 10).Count(row => wrong.Contains(row.Row))} of them in the first tenth of the list; {likely} likely errors, {found.Count(row => row.IsLikelyError && wrong.Contains(row.Row))} of them planted; features {featureTime.TotalSeconds:F1} s, search {time.TotalSeconds:F1} s");
    }

    private static void SearchMany()
    {
        var random = new Random(5);
        IDataView data = Context.Data.LoadFromEnumerable(Enumerable.Range(0, ManyImages).Select(_ => new FeatureRow { Features = [.. Enumerable.Range(0, FeatureCount).Select(_ => random.NextSingle())] }).ToArray());
        var clock = Stopwatch.StartNew();
        int count = Context.Data.FindDuplicateImages(data).Count;
        Write($"Duplicates: all pairs of {ManyImages} images in {clock.Elapsed.TotalSeconds:F1} s, {count} found");
    }

    private static void FindOthers(ImageRow[] training, ImageRow[] test, ImageRow[] other, int size)
    {
        IDataView keyed = Context.Transforms.Conversion.MapValueToKey("Label").Fit(Data(training)).Transform(Data(training));
        using ResNetTransformer network = Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            PretrainedWeights = ResNetWeights.ImageNet(),
            FineTuning = FineTuningMode.HeadOnly,
            ImageSize = size,
        }).Fit(keyed);
        float[] Doubts(ImageRow[] rows) => [.. network.Transform(Data(rows)).GetColumn<float[]>("Score").Select(scores => 1 - scores.Max())];
        IDataView reference = Features(training, size);
        float[] Novelties(ImageRow[] rows) => [.. Context.Data.FindNovelImages(Features(rows, size), reference).Select(image => image.Novelty)];
        (float[] Features, string Label)[] known = [.. Context.Data.CreateEnumerable<FeatureRow>(reference, reuseRowObject: false).Select(row => (Unit(row.Features), row.Label))];
        float[][] means = [.. known.GroupBy(row => row.Label).Select(rows => Unit([.. Enumerable.Range(0, FeatureCount).Select(i => rows.Average(row => row.Features[i]))]))];
        float[] FromMeans(ImageRow[] rows) => [.. Context.Data.CreateEnumerable<FeatureRow>(Features(rows, size), reuseRowObject: false).Select(row => 1 - means.Max(mean => mean.Zip(Unit(row.Features), (a, b) => a * b).Sum()))];
        Write($"  of the distance from the nearest class mean {Auroc(FromMeans(other), FromMeans(test)):F3}");
        Write($"Images of something else: {other.Length}, beside {test.Length} test images; AUROC of 1 less the largest probability {Auroc(Doubts(other), Doubts(test)):F3}, of the novelty {Auroc(Novelties(other), Novelties(test)):F3}");
    }

    /// <summary>How often an image of the first set has the larger value.</summary>
    private static double Auroc(float[] larger, float[] smaller) => larger.Average(value => smaller.Average(other => value > other ? 1 : value == other ? 0.5 : 0));

    private static float[] Unit(float[] values)
    {
        float norm = MathF.Sqrt(values.Sum(value => value * value));
        return [.. values.Select(value => value / norm)];
    }

    private static IDataView Features(ImageRow[] rows, int size)
    {
        using ResNetFeaturesTransformer features = Context.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = "Features",
            InputColumnName = "ImagePath",
            Weights = ResNetWeights.ImageNet(),
            ImageSize = size,
        }).Fit(Data(rows));
        return Context.Data.LoadFromEnumerable(Context.Data.CreateEnumerable<FeatureRow>(features.Transform(Data(rows)), reuseRowObject: false).ToArray());
    }

    private static ImageRow[] Read(string folder) => [.. Context.Data.CreateEnumerable<ImageRow>(Context.Data.LoadImageFolder(folder), reuseRowObject: false)];

    private static IDataView Data(ImageRow[] rows) => Context.Data.LoadFromEnumerable(rows);

    private static void Write(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private sealed class ImageRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class FeatureRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];
    }
}
