using System.Text;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Trainings on the images of tar files, kept or read anew in each epoch.</summary>
[TestClass]
public sealed class ImageShardsTrainingTests
{
    private const int Files = 5, ImagesPerFile = 23, Count = Files * ImagesPerFile;

    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _context = new(1);
    private readonly LogRecorder _log;

    public ImageShardsTrainingTests() => _log = new LogRecorder(_context);

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(8, 1)]
    [DataRow(8, 2)]
    [DataRow(4096, 1)]
    public void StreamImages_AnyBuffer_TrainsTheModelOfCachedImages(int buffer, int accumulate)
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        ResNetTrainer.Options Options(bool streams) => Small(options =>
        {
            options.StreamImages = streams;
            options.ShuffleBufferSize = buffer;
            options.AccumulateSteps = accumulate;
            options.ValidationFraction = 0.2;
        });

        byte[] cached = Weights(Options(false), shards), streamed = Weights(Options(true), shards);

        CollectionAssert.AreEqual(cached, streamed);
    }

    /// <summary>Each row once an epoch on one of the ranks, whether images are kept or not.</summary>
    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void StreamImages_SeveralRanks_TrainTheModelOfCachedImages(int ranks)
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        byte[] Train(bool streams) => MemoryProcessGroup.Run(ranks, group => Weights(
            Small(options =>
            {
                options.StreamImages = streams;
                options.ShuffleBufferSize = 10;
                options.ProcessGroup = group;
                options.EpochCallback = epoch => Assert.AreEqual(Count, epoch.ImageCount);
            }),
            shards))[0];

        CollectionAssert.AreEqual(Train(false), Train(true));
    }

    [TestMethod]
    [DataRow(1, 2)]
    [DataRow(2, 1)]
    public void StreamImages_ResumedInAnEpoch_GoesOnAsIfNothingHadHappened(int ranks, int accumulate)
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        ResNetTrainer.Options Options(MemoryProcessGroup? group, string folder, int stopAfter) => Small(options =>
        {
            options.StreamImages = true;
            options.ShuffleBufferSize = 10;
            options.AccumulateSteps = accumulate;
            options.ProcessGroup = group;
            options.CheckpointDirectory = folder;
            options.ResumeFromCheckpoint = true;
            options.CheckpointInterval = TimeSpan.Zero;
            options.Progress = new SynchronousProgress(metrics =>
            {
                if (metrics.Step == stopAfter)
                {
                    throw new IOException("stopped");
                }
            });
        });
        byte[] Train(string folder, int stopAfter) => MemoryProcessGroup.Run(ranks, group => Weights(Options(ranks > 1 ? group : null, folder, stopAfter), shards))[0];

        byte[] whole = Train(_folder.File("whole"), -1);
        string checkpoints = _folder.File("checkpoints");
        Assert.Throws<Exception>(() => Train(checkpoints, 9));
        byte[] resumed = Train(checkpoints, -1);

        CollectionAssert.AreEqual(whole, resumed);
    }

    [TestMethod]
    public void StreamImages_OpenAndNotEnoughMemory_Streams()
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);

        Weights(Small(options => options.CacheMemoryLimit = 1000), shards);
        StringAssert.Contains(string.Join('\n', _log.Informations), $"The {Count} images are decoded anew in each epoch. To keep them would take about 0 MiB; CacheMemoryLimit is 0 MiB.");
        int before = _log.Informations.Count();
        Weights(Small(), shards);
        Assert.DoesNotContain("decoded anew", string.Join('\n', _log.Informations.Skip(before)));
    }

    [TestMethod]
    public void StreamImages_BadImagesAreSkipped_BeforeTheFirstEpoch()
    {
        TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        TarFiles.Write(_folder.File("train-100.tar"), ("1.png", TarFiles.Text("no image")), ("1.cls", TarFiles.Text("red")));
        string shards = _folder.File("train-*.tar");

        byte[] weights = Weights(Small(options => (options.StreamImages, options.BadImages) = (true, BadImageHandling.Skip)), shards);
        string message = Assert.ThrowsExactly<InvalidDataException>(() => Weights(Small(options => options.StreamImages = true), shards)).Message;

        Assert.IsNotEmpty(weights);
        StringAssert.Contains(string.Join('\n', _log.Warnings), $"1 of {Count + 1} images can't be read and are left out. Image file '{_folder.File("train-100.tar")}/1.png' ");
        StringAssert.Contains(message, $"Image file '{_folder.File("train-100.tar")}/1.png' ");
    }

    [TestMethod]
    public void Resume_OtherImageInATarFile_NamesIt()
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        ResNetTrainer.Options options = Small(options => (options.StreamImages, options.CheckpointDirectory, options.ResumeFromCheckpoint) = (true, _folder.File("checkpoints"), true));
        Weights(options, shards);

        TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile, side: 17);
        string message = Assert.ThrowsExactly<InvalidDataException>(() => Weights(options, shards)).Message;

        StringAssert.Contains(message, $"training images are others than then: the first in row 0 ('{_folder.File("train-000.tar")}/00000.png')");
    }

    [TestMethod]
    public void SortedTarFiles_LargerThanTheBuffer_AreWarnedOf()
    {
        foreach (string label in new[] { "blue", "red" })
        {
            TarFiles.WriteColours(_folder.Path, 1, 60);
            File.Move(_folder.File("train-000.tar"), _folder.File("mixed"), overwrite: true);
            using FileStream stream = File.OpenRead(_folder.File("mixed"));
            using var reader = new System.Formats.Tar.TarReader(stream);
            List<(string, byte[])> files = [];
            while (reader.GetNextEntry() is { } entry)
            {
                byte[] content = new byte[entry.Length];
                entry.DataStream!.ReadExactly(content);
                files.Add((entry.Name, entry.Name.EndsWith(".cls", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(label) : content));
            }

            TarFiles.Write(_folder.File($"sorted-{label}.tar"), [.. files]);
        }

        Weights(Small(options => options.ShuffleBufferSize = 16), _folder.File("sorted-*.tar"));
        StringAssert.Contains(string.Join('\n', _log.Warnings), "The tar files have 60 images of one class after the other, on average, which a shuffle buffer of 16 images doesn't mix");
    }

    [TestMethod]
    public void StreamImages_ImagesThemselves_SaysWhatIsExpected()
    {
        IDataView data = _context.Transforms.Conversion.MapValueToKey("Label")
            .Append(_context.Transforms.LoadImages("Image", "", "ImagePath")).Fit(Data()).Transform(Data());

        string message = Assert.ThrowsExactly<ArgumentException>(() => _context.MulticlassClassification.Trainers.ResNet(Small(options => (options.FeatureColumnName, options.StreamImages) = ("Image", true))).Fit(data)).Message;

        StringAssert.Contains(message, "StreamImages is set, but feature column 'Image' holds the images themselves, expected a column of Text");

        IDataView Data()
        {
            ColourFolder.Create(_folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
            return _context.Data.LoadImageFolder(_folder.File("images"));
        }
    }

    /// <summary>A model of tar files is one of paths: it takes single files, and scores tar files.</summary>
    [TestMethod]
    public void Model_OfTarFiles_ScoresFilesAndTarFilesAlike()
    {
        string shards = TarFiles.WriteColours(_folder.Path, Files, ImagesPerFile);
        IDataView data = _context.Data.LoadImageShards(shards);
        using TransformerChain<ITransformer> model = Pipeline(Small(options => options.Epochs = 6)).Fit(data);
        string path = _folder.File("red.png");
        File.WriteAllBytes(path, TestImages.Encode(SkiaSharp.SKEncodedImageFormat.Png, 16, 16, (_, _) => (200, 10, 20)));

        IDataView scored = model.Transform(data);
        using PredictionEngine<Row, Prediction> engine = _context.Model.CreatePredictionEngine<Row, Prediction>(model);

        CollectionAssert.AreEqual(data.GetColumn<string>("Label").ToArray(), scored.GetColumn<string>("PredictedLabel").ToArray());
        Assert.AreEqual("red", engine.Predict(new Row { ImagePath = path }).PredictedLabel);
        Assert.AreEqual("blue", engine.Predict(new Row { ImagePath = $"{_folder.File("train-001.tar")}/00025.png" }).PredictedLabel);
    }

    private static ResNetTrainer.Options Small(Action<ResNetTrainer.Options>? change = null)
    {
        var options = new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Specification = new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar },
            Epochs = 3,
            BatchSize = 8,
            Seed = 3,
            Augmentation = AugmentationPreset.Standard,
        };
        change?.Invoke(options);
        return options;
    }

    private EstimatorChain<ITransformer> Pipeline(ResNetTrainer.Options options)
        => _context.Transforms.Conversion.MapValueToKey("Label").Append(_context.MulticlassClassification.Trainers.ResNet(options)).Append<ITransformer>(_context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

    private byte[] Weights(ResNetTrainer.Options options, string shards)
    {
        IDataView data = _context.Data.LoadImageShards(shards);
        IDataView keyed = _context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(keyed);
        using var stream = new MemoryStream();
        model.WriteWeights(stream);
        return stream.ToArray();
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";
    }
}
