using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Classifier;

/// <summary>Calibrated models and models with a minimum score: here, saved and loaded, and in ONNX Runtime.</summary>
[TestClass]
public sealed class CalibratedTransformerTests
{
    private const int Size = 16;

    private static readonly MLContext Context = new(1);
    private static readonly TemporaryFolder Folder = new();
    private static IDataView s_training = null!;
    private static IDataView s_heldOut = null!;
    private static ITransformer s_model = null!;

    private static ResNetTransformer Network => ((IEnumerable<ITransformer>)s_model).OfType<ResNetTransformer>().Single();

    /// <summary>A fifth of the labels is wrong, and the network learns the training images by heart: it is far too sure of itself.</summary>
    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_heldOut = Context.Data.LoadFromEnumerable(Write("held-out", 200, seed: 2));
        s_training = Context.Data.LoadFromEnumerable(Write("training", 120, seed: 1));
        s_model = Pipeline(new ResNetTrainer.Options { Epochs = 25 }).Fit(s_training);
    }

    [ClassCleanup]
    public static void Free()
    {
        (s_model as IDisposable)?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    public void WithCalibratedScores_OverconfidentModel_LowersItsLossAndKeepsItsPredictions()
    {
        using ResNetTransformer calibrated = Network.WithCalibratedScores(Context, s_heldOut);
        CalibrationMetrics before = Measure(Network), after = Measure(calibrated);
        Console.WriteLine($"Temperature {calibrated.Temperature:F2}; log-loss {before.LogLoss:F3} and {after.LogLoss:F3}; calibration error {before.ExpectedCalibrationError:P1} and {after.ExpectedCalibrationError:P1}");

        Assert.AreEqual(1, Network.Temperature);
        Assert.IsGreaterThan(1.2, calibrated.Temperature);
        Assert.IsLessThan(before.LogLoss, after.LogLoss);
        Assert.IsLessThan(before.ExpectedCalibrationError, after.ExpectedCalibrationError);
        CollectionAssert.AreEqual(Labels(Network), Labels(calibrated));

        // Scores are the softmax of logits that are divided by the temperature.
        float[][] was = Scores(Network), now = Scores(calibrated);
        for (int i = 0; i < was.Length; i++)
        {
            double[] powers = [.. was[i].Select(score => Math.Pow(score, 1 / calibrated.Temperature))];
            Assert.AreEqual(powers[0] / powers.Sum(), now[i][0], 2e-4);
        }

        using ResNetTransformer again = calibrated.WithCalibratedScores(Context, s_heldOut);
        Assert.AreEqual(calibrated.Temperature, again.Temperature, 0.01 * calibrated.Temperature, "It is calibrated already.");
    }

    [TestMethod]
    public void WithCalibratedScores_SavedAndExported_ScoresTheSame()
    {
        using ResNetTransformer calibrated = Network.WithCalibratedScores(Context, s_heldOut);
        Context.Model.Save(calibrated, s_heldOut.Schema, Folder.File("calibrated.zip"));
        calibrated.ExportOnnx(Folder.File("calibrated.onnx"));
        float[][] expected = Scores(calibrated);

        using var loaded = (ResNetTransformer)new MLContext().Model.Load(Folder.File("calibrated.zip"), out _);
        Assert.AreEqual(calibrated.Temperature, loaded.Temperature);
        float[][] actual = Scores(loaded);
        using var onnx = new OnnxSession(Folder.File("calibrated.onnx"));
        for (int i = 0; i < 10; i++)
        {
            CollectionAssert.AreEqual(expected[i], actual[i]);
            float[] exported = onnx.Run<float>([Pixels(i)], "scores").Single();
            Assert.AreEqual(expected[i][0], exported[0], 1e-4);
        }
    }

    [TestMethod]
    public void WithCalibratedScores_OtherLabels_SaysWhatIsExpected()
    {
        IDataView numbers = Context.Data.LoadFromEnumerable([new Row { Label = 1, ImagePath = "a.png" }]);
        IDataView missing = Context.Data.LoadFromEnumerable([new { ImagePath = "a.png" }]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Network.WithCalibratedScores(Context, numbers)).Message, "expected the 2 classes of the model in their order: red, blue");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Network.WithCalibratedScores(Context, missing)).Message, "Label column 'Label' is missing");
    }

    [TestMethod]
    public void Fit_CalibrateScores_IsCalibratedOnTheValidationSet()
    {
        using var model = Pipeline(new ResNetTrainer.Options { Epochs = 20, ValidationFraction = 0.4, CalibrateScores = true, RestoreBestWeights = false }).Fit(s_training);
        ResNetTransformer network = model.OfType<ResNetTransformer>().Single();

        Assert.AreNotEqual(1, network.Temperature);
        using ResNetTransformer again = network.WithCalibratedScores(Context, s_heldOut);
        Assert.IsTrue(again.Temperature / network.Temperature is > 0.5 and < 2, $"{network.Temperature} by the validation set, {again.Temperature} by other images.");
    }

    /// <summary>A training that is cancelled and gives its best model is not lost to the calibration.</summary>
    [TestMethod]
    public void Fit_CalibrateScoresAfterCancellation_GivesTheCalibratedModel()
    {
        using var cancellation = new CancellationTokenSource();
        var options = new ResNetTrainer.Options
        {
            Epochs = 50,
            ValidationFraction = 0.4,
            CalibrateScores = true,
            CancellationHandling = CancellationHandling.ReturnBest,
            CancellationToken = cancellation.Token,
            EpochCallback = epoch =>
            {
                if (epoch.Epoch == 6)
                {
                    cancellation.Cancel();
                }
            },
        };

        using var model = Pipeline(options).Fit(s_training);

        ResNetTransformer network = model.OfType<ResNetTransformer>().Single();
        Assert.IsLessThan(50, network.TrainingHistory.Count);
        Assert.AreNotEqual(1, network.Temperature);
    }

    [TestMethod]
    public void Fit_CalibrateScoresWithoutValidation_SaysWhatIsMissing()
    {
        var options = new ResNetTrainer.Options { CalibrateScores = true, MinimumScore = 1.5f };

        string message = Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.Trainers.ResNet(options)).Message;
        StringAssert.Contains(message, "CalibrateScores is set, but there is nothing to calibrate on; expected ValidationSet or ValidationFraction.");
        StringAssert.Contains(message, "MinimumScore is 1.5; expected 0 to 1.");
    }

    /// <summary>What is below the minimum has no label: as a key, as text, from a saved model, row by row, and in ONNX Runtime.</summary>
    [TestMethod]
    public void WithMinimumScore_UnsureImages_HaveNoLabel()
    {
        float[][] scores = Scores(Network);
        float minimum = scores.Select(row => row.Max()).Order().ElementAt(scores.Length / 3);
        uint[] plain = Labels(Network);
        using ResNetTransformer careful = Network.WithMinimumScore(Context, minimum);
        Context.Model.Save(careful, s_heldOut.Schema, Folder.File("careful.zip"));
        careful.ExportOnnx(Folder.File("careful.onnx"), new OnnxExportOptions { PredictedLabelName = "PredictedLabel" });
        using var loaded = (ResNetTransformer)new MLContext().Model.Load(Folder.File("careful.zip"), out _);
        using var onnx = new OnnxSession(Folder.File("careful.onnx"));

        Assert.AreEqual(minimum, loaded.MinimumScore);
        uint[] labels = Labels(careful);
        CollectionAssert.AreEqual(scores.Select((row, i) => row.Max() >= minimum ? plain[i] : 0).ToArray(), labels);
        CollectionAssert.AreEqual(labels, Labels(loaded));
        CollectionAssert.Contains(labels, 0u);
        IDataView texts = Context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(careful.Transform(s_heldOut)).Transform(careful.Transform(s_heldOut));
        string[] names = [.. texts.GetColumn<string>("PredictedLabel")];
        using PredictionEngine<Input, Output> engine = Context.Model.CreatePredictionEngine<Input, Output>(loaded, new PredictionEngineOptions { OwnsTransformer = false });
        string[] paths = [.. s_heldOut.GetColumn<string>("ImagePath")];
        for (int i = 0; i < 40; i++)
        {
            string expected = labels[i] == 0 ? "" : Network.ClassNames[(int)labels[i] - 1];
            Assert.AreEqual(expected, names[i]);
            Assert.AreEqual(labels[i], engine.Predict(new Input { ImagePath = paths[i] }).PredictedLabel);

            // A score within rounding of the minimum may fall on either side there.
            if (Math.Abs(scores[i].Max() - minimum) > 1e-4)
            {
                Assert.AreEqual(expected, onnx.Run<string>([Pixels(i)], "PredictedLabel").Single().Single());
            }
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Network.WithMinimumScore(Context, -0.1f));
    }

    private static CalibrationMetrics Measure(ResNetTransformer network)
    {
        IDataView scored = network.Transform(s_heldOut);
        IDataView keys = Context.Transforms.Conversion.MapValueToKey("Label", keyData: Context.Data.LoadFromEnumerable(network.ClassNames.Select(name => new { Name = name }))).Fit(scored).Transform(scored);
        return Context.MulticlassClassification.EvaluateCalibration(keys);
    }

    private static float[][] Scores(ResNetTransformer network) => [.. network.Transform(s_heldOut).GetColumn<float[]>("Score")];

    private static uint[] Labels(ResNetTransformer network) => [.. network.Transform(s_heldOut).GetColumn<uint>("PredictedLabel")];

    private static float[] Pixels(int row)
    {
        using SKBitmap bitmap = SKBitmap.Decode(s_heldOut.GetColumn<string>("ImagePath").ElementAt(row));
        SKColor[] colors = bitmap.Pixels;
        return [.. colors.Select(color => (float)color.Red), .. colors.Select(color => (float)color.Green), .. colors.Select(color => (float)color.Blue)];
    }

    private static EstimatorChain<Microsoft.ML.Transforms.KeyToValueMappingTransformer> Pipeline(ResNetTrainer.Options options)
    {
        options.FeatureColumnName = "ImagePath";
        options.Architecture = ResNetArchitecture.ResNet20;
        options.BatchSize = 16;
        options.Augmentation = AugmentationPreset.None;
        return Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.MulticlassClassification.Trainers.ResNet(options))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
    }

    /// <summary>Noise around a level of red and blue that tells the class, for four of five images.</summary>
    private static List<Labelled> Write(string name, int count, int seed)
    {
        var random = new Random(seed);
        Directory.CreateDirectory(Folder.File(name));
        List<Labelled> rows = [];
        for (int i = 0; i < count; i++)
        {
            bool isRed = i % 2 == 0;
            using var bitmap = new SKBitmap(Size, Size);
            for (int pixel = 0; pixel < Size * Size; pixel++)
            {
                byte strong = (byte)random.Next(90, 240), weak = (byte)random.Next(60, 210), green = (byte)random.Next(256);
                bitmap.SetPixel(pixel % Size, pixel / Size, isRed ? new SKColor(strong, green, weak) : new SKColor(weak, green, strong));
            }

            string path = Folder.File($"{name}/{i}.png");
            using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
            File.WriteAllBytes(path, data.ToArray());
            rows.Add(new Labelled { ImagePath = path, Label = isRed != random.NextDouble() < 0.2 ? "red" : "blue" });
        }

        return rows;
    }

    private sealed class Labelled
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class Row
    {
        [KeyType(3)]
        public uint Label { get; set; }

        public string ImagePath { get; set; } = "";
    }

    private sealed class Input
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class Output
    {
        [KeyType(2)]
        public uint PredictedLabel { get; set; }
    }
}
