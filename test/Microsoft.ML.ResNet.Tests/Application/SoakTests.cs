using System.Globalization;
using Microsoft.ML.ResNet.Native;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>Long trainings, many predictions and many models: memory and live tensors stay flat.</summary>
[TestClass]
[DoNotParallelize]
public sealed class SoakTests
{
    /// <summary>What the runtime's own heaps move by; a leak of one small tensor a step would be far more in 10,000 steps.</summary>
    private const long Tolerance = 40L << 20;

    private readonly MLContext _context = new(1);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_TenThousandSteps_KeepsMemoryAndTensorsFlat()
    {
        const int stepsInEpoch = 20, batchSize = 8;
        int epochs = Soak.Count(10_000 / stepsInEpoch);
        var sizes = new Samples();
        ResNetTrainer.Options options = Options(epochs, batchSize);
        options.Augmentation = AugmentationPreset.Standard;
        options.Progress = new SynchronousProgress(metrics =>
        {
            if (metrics.IsEpochEnd)
            {
                sizes.Take();
            }
        });

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(stepsInEpoch * batchSize)));

        Assert.AreEqual(epochs * stepsInEpoch, model.TrainingHistory[^1].Step);
        sizes.AssertFlat(TestContext, $"{epochs * stepsInEpoch} steps");
    }

    /// <summary>Decoded, the 8,000 images have some 200 MiB; 20 MiB of them may be kept.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_StreamedTarFiles_KeepsMemoryAndTensorsFlat()
    {
        using var folder = new TemporaryFolder();
        byte[] picture = TestImages.Encode(SkiaSharp.SKEncodedImageFormat.Jpeg, 500, 375, TestImages.Noise, quality: 75);
        int images = Soak.Count(1000);
        for (int file = 0; file < 8; file++)
        {
            TarFiles.Write(folder.File($"{file}.tar"), [.. Enumerable.Range(0, images).SelectMany(i => new[] { ($"{i}.jpg", picture), ($"{i}.cls", TarFiles.Text($"{i % 2}")) })]);
        }

        var sizes = new Samples();
        var options = new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Specification = new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar },
            ImageSize = 64,
            ImageFit = ImageFit.ShortSideCrop,
            Epochs = 3,
            CacheMemoryLimit = 20 << 20,
            ShuffleBufferSize = 256,
            Progress = new SynchronousProgress(metrics =>
            {
                if (metrics.Step % 10 == 0)
                {
                    sizes.Take();
                }
            }),
        };
        IDataView shards = _context.Data.LoadImageShards(folder.Path);
        var log = new LogRecorder(_context);

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(_context.Transforms.Conversion.MapValueToKey("Label").Fit(shards).Transform(shards));

        StringAssert.Contains(string.Join('\n', log.Informations), "are decoded anew in each epoch");
        Assert.AreEqual(8 * images, model.TrainingHistory[^1].ImageCount);
        sizes.AssertFlat(TestContext, $"{model.TrainingHistory[^1].Step} steps");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Predict_TwoHundredThousandTimes_KeepsMemoryAndTensorsFlat()
    {
        int count = Soak.Count(200_000);
        List<PixelRow> rows = Create(100);
        using var model = (IDisposable)Fit(_context, _context.Data.LoadFromEnumerable(rows), Options(epochs: 1));
        using PredictionEngine<PixelRow, PredictionRow> engine = CreateEngine(_context, (ITransformer)model);
        PredictionRow first = engine.Predict(rows[0]);
        var sizes = new Samples();
        var prediction = new PredictionRow();

        for (int i = 0; i < count; i++)
        {
            engine.Predict(rows[i % rows.Count], ref prediction);
            if (i % Math.Max(1, count / 100) == 0)
            {
                sizes.Take();
            }
        }

        CollectionAssert.AreEqual(first.Score, engine.Predict(rows[0]).Score);
        sizes.AssertFlat(TestContext, $"{count} predictions");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void FitSaveLoadDispose_AHundredRounds_KeepMemoryAndTensorsFlat()
    {
        int rounds = Soak.Count(100);
        using var folder = new TemporaryFolder();
        IDataView data = _context.Data.LoadFromEnumerable(Create(24));
        var sizes = new Samples();

        for (int round = 0; round < rounds; round++)
        {
            using (var model = (IDisposable)Fit(_context, data, Options(epochs: 1)))
            {
                _context.Model.SaveAtomically((ITransformer)model, data.Schema, folder.File("model.zip"));
            }

            using (var loaded = (IDisposable)_context.Model.Load(folder.File("model.zip"), out _))
            {
                Assert.HasCount(24, Scores((ITransformer)loaded, data));
            }

            sizes.Take();
        }

        sizes.AssertFlat(TestContext, $"{rounds} rounds");
    }

    /// <summary>Resident sizes and live tensors over time.</summary>
    private sealed class Samples
    {
        private readonly List<long> _sizes = [];
        private readonly List<long> _tensors = [];

        public void Take()
        {
            GC.Collect();
            FreedMemory.Return();
            _sizes.Add(Environment.WorkingSet);
            _tensors.Add(torch.Tensor.TotalCount);
        }

        public void AssertFlat(TestContext context, string what)
        {
            context.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: resident {_sizes[_sizes.Count / 5] >> 20} MiB after a fifth, {_sizes[^1] >> 20} MiB at the end; live tensors {_tensors[0]} and {_tensors[^1]}."));
            Assert.AreEqual(_tensors[0], _tensors.Max(), "live tensors");
            Soak.AssertFlat(_sizes, Tolerance, "The resident size");
        }
    }
}
