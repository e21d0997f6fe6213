using Microsoft.ML.Data;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Data sets that no training should be made of, or that need a word about them. <see cref="ResNetTrainerFaultsTests"/> has more.</summary>
[TestClass]
public sealed class ResNetTrainerBadDataTests
{
    private readonly MLContext _context = new(1);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Fit_ClassWithOneRow_Warns()
    {
        List<PixelRow> rows = Create(8, seed: 1, "cat", "dog");
        rows[0].Label = "unicorn";

        AssertWarns(
            Keyed(_context, rows),
            "1 of 3 classes ('unicorn') have one row only in the training set: the network can learn little of them, and none of it is set aside for validation. Add images of these classes.");
    }

    [TestMethod]
    public void Fit_ClassWithoutRows_Warns()
        => AssertWarns(
            Keyed(_context, Create(8, seed: 1, "cat", "dog"), "cat", "dog", "unicorn"),
            "1 of 3 classes ('unicorn') have no row in the training set: the network can't learn them, and gives them scores all the same. Check that no filter took their rows away, or fit MapValueToKey on the training set alone.");

    [TestMethod]
    public void Fit_ValidationSetWithClassesThatTrainingLacks_Warns()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationSet = Keyed(_context, Create(6, seed: 2, "cat", "dog", "unicorn"), "cat", "dog", "unicorn");

        string[] warnings = Warnings(Keyed(_context, Create(8, seed: 1, "cat", "dog"), "cat", "dog", "unicorn"), options);

        Assert.HasCount(2, warnings);
        Assert.AreEqual(
            "2 of 6 validation rows have a class that no training row has ('unicorn'): they count as wrong. Take both sets from the same data, or leave these rows out.", warnings[1]);
    }

    [TestMethod]
    [DataRow(float.NaN, "Row 3 has the pixel value NaN in column 'Features', expected a finite number. Correct the row or remove it.")]
    [DataRow(float.PositiveInfinity, "Row 3 has the pixel value Infinity in column 'Features', expected a finite number. Correct the row or remove it.")]
    [DataRow(float.NegativeInfinity, "Row 3 has the pixel value -Infinity in column 'Features', expected a finite number. Correct the row or remove it.")]
    [DataRow(-300f, "Row 3 has the pixel value -300 in column 'Features', expected 0 to 255, as PixelRange ZeroTo255 says or as the first training rows are. Set PixelRange to what the values mean.")]
    public void Fit_PixelThatIsNone_NamesRowAndValue(float value, string expected)
    {
        List<PixelRow> rows = Create(8);
        rows[3].Features[17] = value;
        ResNetTrainer.Options options = Options(epochs: 1);
        options.PixelRange = PixelRange.ZeroTo255;

        AssertRefused<InvalidDataException>(Keyed(_context, rows), options, expected);
        options.BadImages = BadImageHandling.Skip;
        Assert.AreEqual($"Of the training set, 1 of 8 images can't be read and are left out. {expected}", Warnings(Keyed(_context, rows), options).Single());
    }

    [TestMethod]
    public void Fit_EveryRowOfAClassSkipped_SaysThatOneClassIsLeft()
    {
        List<PixelRow> rows = Create(8, seed: 1, "cat", "dog");
        rows.Where(row => row.Label == "dog").ToList().ForEach(row => row.Features[0] = float.NaN);
        ResNetTrainer.Options options = Options(epochs: 1);
        options.BadImages = BadImageHandling.Skip;

        AssertRefused<ArgumentException>(
            Keyed(_context, rows),
            options,
            "Label column 'Label' has rows of one class only, 'cat', after bad images were left out, expected at least two classes. Mend the images of the other classes. Of the training set, 4 of 8 images can't be read and are left out. Row 1 has the pixel value NaN");
    }

    [TestMethod]
    public void Fit_RowsOfAClassSkipped_WarnsOfWhatIsLeft()
    {
        List<PixelRow> rows = Create(12, seed: 1, "cat", "dog", "owl", "fox");
        foreach (int row in new[] { 1, 5, 9, 2, 6 })
        {
            rows[row].Features[0] = float.NaN;
        }

        ResNetTrainer.Options options = Options(epochs: 1);
        options.BadImages = BadImageHandling.Skip;

        string warning = Warnings(Keyed(_context, rows), options).Single();

        StringAssert.StartsWith(warning, "Of the training set, 5 of 12 images can't be read and are left out. Row 1 has");
        StringAssert.Contains(warning, " 1 of 4 classes ('dog') have no row in the training set: ");
        StringAssert.Contains(warning, " 1 of 4 classes ('owl') have one row only in the training set: ");
    }

    [TestMethod]
    public void Fit_ValidationFractionThatNoValueHelps_SaysSo()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationFraction = 0.1;

        AssertRefused<InvalidOperationException>(
            Keyed(_context, Create(3)),
            options,
            "ValidationFraction is 0.1, but no class has enough of the 3 images to set one aside. Every class has one image, and that is never set aside, whatever ValidationFraction is. Add images, give a ValidationSet, or leave ValidationFraction at 0.");
    }

    [TestMethod]
    public void Fit_ValidationFractionTooSmall_NamesOneThatHelps()
    {
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationFraction = 0.1;
        IDataView data = Keyed(_context, Create(9));

        AssertRefused<InvalidOperationException>(
            data,
            options,
            "ValidationFraction is 0.1, but no class has enough of the 9 images to set one aside. Raise ValidationFraction to 0.16667 or more, which sets aside one of the 3 images of the largest class, or give a ValidationSet.");
        options.ValidationFraction = 0.16667;
        _context.MulticlassClassification.Trainers.ResNet(options).Fit(data).Dispose();
    }

    [TestMethod]
    public void Fit_EveryPixelRowBad_SaysSo()
    {
        List<PixelRow> rows = Create(4);
        rows.ForEach(row => row.Features[0] = float.NaN);
        ResNetTrainer.Options options = Options(epochs: 1);
        options.BadImages = BadImageHandling.Skip;

        AssertRefused<InvalidOperationException>(
            Keyed(_context, rows), options, "No image of column 'Features' can be used. 4 of 4 images can't be read and are left out. Row 0 has the pixel value NaN in column 'Features', expected a finite number. Correct the row or remove it.");
    }

    [TestMethod]
    public void Fit_RowsOfAnotherLength_NamesTheRow()
    {
        List<PixelRow> rows = Create(8);
        rows[5].Features = new float[48];

        AssertRefused<InvalidDataException>(Keyed(_context, rows), Options(epochs: 1), "Row 5 has 48 pixel values in column 'Features', expected 192. Resize the image or remove the row.");
    }

    [TestMethod]
    public void Fit_ColumnsOfWrongTypes_SayWhatWasExpected()
    {
        IDataView data = Keyed(_context, Enumerable.Range(0, 6).Select(i => new OddRow { Label = i % 2 == 0 ? "a" : "b" }).ToList());
        const string images = "expected Text (the path of an image file), a vector of Byte (the content of one), MLImage, or a vector of Single with dimensions [channels, height, width] (pixels). Point FeatureColumnName to such a column, or add LoadImages or ExtractPixels before ResNet.";

        AssertRefused<ArgumentException>(data, Of("Doubles"), $"Feature column 'Doubles' has type Vector<Double, 3, 8, 8>, {images}");
        AssertRefused<ArgumentException>(data, Of("Number"), $"Feature column 'Number' has type Single, {images}");
        AssertRefused<ArgumentException>(data, Of("Label"), $"Feature column 'Label' has type Key<UInt32, 0-1>, {images}");
        AssertRefused<ArgumentException>(data, Of("Sizeless"), "Feature column 'Sizeless' has type Vector<Single> without the three dimensions of an image, expected [channels, height, width] or ");
        ResNetTrainer.Options noKey = Of("Pixels");
        noKey.LabelColumnName = "Number";
        AssertRefused<ArgumentException>(data, noKey, "Label column 'Number' has type Single, expected Key. Add Conversion.MapValueToKey(\"Number\") before ResNet.");
        noKey.LabelColumnName = "Keys";
        AssertRefused<ArgumentException>(
            _context.Transforms.Conversion.MapValueToKey("Keys", "Words").Fit(data).Transform(data), noKey, "Label column 'Keys' has type Vector<Key<UInt32, 0-1>, 2>, expected Key.");
        noKey.LabelColumnName = "Nowhere";
        AssertRefused<ArgumentException>(data, noKey, "Label column 'Nowhere' is missing. The data has the columns 'Label', 'Doubles'");

        ResNetTrainer.Options Of(string column)
        {
            ResNetTrainer.Options options = Options(epochs: 1);
            options.FeatureColumnName = column;
            return options;
        }
    }

    [TestMethod]
    public void Fit_ValidationSetOfAnotherSchema_SaysThatItIsTheValidationSet()
    {
        IDataView training = Keyed(_context, Create(8, seed: 1, "a", "b"));
        ResNetTrainer.Options options = Options(epochs: 1);
        IDataView odd = Keyed(_context, Enumerable.Range(0, 6).Select(i => new OddRow { Label = i % 2 == 0 ? "a" : "b" }).ToList());

        options.ValidationSet = odd;
        AssertRefused<ArgumentException>(training, options, "Feature column of the validation set 'Features' is missing. The data has the columns 'Label', 'Doubles'");
        options.ValidationSet = _context.Transforms.CopyColumns("Features", "Doubles").Fit(odd).Transform(odd);
        AssertRefused<ArgumentException>(
            training, options, "Feature column of the validation set 'Features' has type Vector<Double, 3, 8, 8>, expected a vector of 192 Single (pixels 3 x 8 x 8), as in the training set.");
        options.ValidationSet = _context.Data.LoadFromEnumerable(Create(8));
        AssertRefused<ArgumentException>(training, options, "Label column of the validation set 'Label' has type String, expected Key. Add Conversion.MapValueToKey(\"Label\") before ResNet.");
        options.ValidationSet = _context.Data.FilterRowsByKeyColumnFraction(Keyed(_context, Create(8, seed: 1, "a", "b")), "Label", 0.9, 0.90001);
        AssertRefused<InvalidOperationException>(
            training, options, "Label column of the validation set 'Label' has no rows: the data is empty. Check the path or the filter that the data comes from.");
    }

    [TestMethod]
    public void Fit_TwoColumnsOfOneName_TakesTheLaterAsMLNetDoes()
    {
        IDataView data = Keyed(_context, Enumerable.Range(0, 6).Select(i => new OddRow { Label = i % 2 == 0 ? "a" : "b" }).ToList());
        IDataView twice = _context.Transforms.CopyColumns("Doubles", "Pixels").Fit(data).Transform(data);
        Assert.AreEqual(2, twice.Schema.Count(column => column.Name == "Doubles"));
        ResNetTrainer.Options options = Options(epochs: 1);
        options.FeatureColumnName = "Doubles";

        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(options).Fit(twice);

        Assert.HasCount(6, Scores(model, twice));
        AssertRefused<ArgumentException>(data, options, "Feature column 'Doubles' has type Vector<Double, 3, 8, 8>");
    }

    [TestMethod]
    [DataRow(float.NaN, "the loss is NaN in step 1 (epoch 1), at a learning rate of 0.05. Lower LearningRate")]
    [DataRow(1e25f, " weights are NaN or infinite, or variances below 0, after step 1. Lower LearningRate")]
    public void Fit_WeightsThatSpoilTheTraining_StopItAndLeaveTheCheckpointAlone(float filter, string expected)
    {
        using var folder = new TemporaryFolder();
        using (var network = new Microsoft.ML.ResNet.Network.ResidualNetwork(TinyNetwork, 3, 3, seed: 1))
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            using var noGradient = TorchSharp.torch.no_grad();
            network.StateEntries[0].Tensor.copy_(TorchSharp.torch.tensor(filter));
            using FileStream stream = File.Create(folder.File("weights"));
            Microsoft.ML.ResNet.WeightFiles.NetworkWeights.Write(network, stream);
        }

        ResNetTrainer.Options options = Options(epochs: 1, batchSize: 12);
        options.PretrainedWeights = ResNetWeights.FromFile(folder.File("weights"));
        options.FineTuning = FineTuningMode.Full;
        options.CheckpointDirectory = folder.File("checkpoints");

        StringAssert.Contains(AssertRefused<InvalidOperationException>(Keyed(_context, Create(12)), options, "Training diverged: "), expected);
        Assert.IsFalse(File.Exists(folder.File("checkpoints/last.checkpoint")));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Fit_FiniteWeightsWithoutScores_AreRefusedOnEveryRank(int ranks)
    {
        // Training goes by the means of its batches: the loss is finite, and so are all weights.
        ResNetWeights weights = With("running_mean", -1e38f);
        IDataView data = Keyed(_context, Create(12));

        string[] messages = MemoryProcessGroup.Run(ranks, group =>
        {
            ResNetTrainer.Options options = Options(epochs: 1, batchSize: 6);
            options.PretrainedWeights = weights;
            options.FineTuning = FineTuningMode.Full;
            options.ProcessGroup = group;
            return Assert.ThrowsExactly<InvalidOperationException>(() => new MLContext(1).MulticlassClassification.Trainers.ResNet(options).Fit(data)).Message;
        });

        Assert.IsTrue(
            messages.All(message => message.StartsWith("Training diverged: the trained network's loss on 12 training images is NaN, though its weights are finite. Lower LearningRate", StringComparison.Ordinal)),
            string.Join('\n', messages));
    }

    [TestMethod]
    public void Fit_CheckpointDirectoryThatIsAFile_SaysSoBeforeTheFirstStep()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("checkpoints"), "");
        ResNetTrainer.Options options = Options(epochs: 1);
        options.CheckpointDirectory = folder.File("checkpoints");
        options.Progress = new SynchronousProgress(_ => Assert.Fail("A step was trained."));

        AssertRefused<IOException>(Keyed(_context, Create(12)), options, $"CheckpointDirectory '{folder.File("checkpoints")}' is a file, expected a folder. Choose another path, or remove the file.");
    }

    [TestMethod]
    public void Fit_HeadOnlyOnWeightsThatAreNotFinite_SaysSo()
    {
        using var folder = new TemporaryFolder();
        using (var network = new Microsoft.ML.ResNet.Network.ResidualNetwork(TinyNetwork, 3, 3, seed: 1))
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            using var noGradient = TorchSharp.torch.no_grad();
            network.StateEntries[0].Tensor.copy_(TorchSharp.torch.tensor(float.NaN));
            using FileStream stream = File.Create(folder.File("weights"));
            Microsoft.ML.ResNet.WeightFiles.NetworkWeights.Write(network, stream);
        }

        ResNetTrainer.Options options = Options(epochs: 30);
        options.PretrainedWeights = ResNetWeights.FromFile(folder.File("weights"));
        options.FineTuning = FineTuningMode.HeadOnly;

        AssertRefused<InvalidOperationException>(Keyed(_context, Create(12)), options, "The features of some images are NaN or infinite");
    }

    /// <summary>Weights of which some are far below zero.</summary>
    private static ResNetWeights With(string name, float value)
    {
        using var folder = new TemporaryFolder();
        using var network = new Microsoft.ML.ResNet.Network.ResidualNetwork(TinyNetwork, 3, 3, seed: 1);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var noGradient = TorchSharp.torch.no_grad();
        foreach (var (_, tensor) in network.StateEntries.Where(entry => entry.Name.EndsWith(name, StringComparison.Ordinal)))
        {
            tensor.copy_(TorchSharp.torch.tensor(value));
        }

        using (FileStream stream = File.Create(folder.File("weights")))
        {
            Microsoft.ML.ResNet.WeightFiles.NetworkWeights.Write(network, stream);
        }

        return ResNetWeights.FromFile(folder.File("weights"));
    }

    private void AssertWarns(IDataView data, string expected) => CollectionAssert.AreEqual(new[] { expected }, Warnings(data, Options(epochs: 1)));

    private string[] Warnings(IDataView data, ResNetTrainer.Options options)
    {
        var context = new MLContext(1);
        var log = new LogRecorder(context);
        context.MulticlassClassification.Trainers.ResNet(options).Fit(data).Dispose();
        foreach (string warning in log.Warnings)
        {
            TestContext.WriteLine($"Warning: {warning}");
        }

        return [.. log.Warnings];
    }

    private string AssertRefused<TException>(IDataView data, ResNetTrainer.Options options, string expected)
        where TException : Exception
    {
        string message = Assert.ThrowsExactly<TException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data)).Message;
        TestContext.WriteLine($"{typeof(TException).Name}: {message}");
        StringAssert.StartsWith(message, expected);
        return message;
    }

    private sealed class OddRow
    {
        public string Label { get; set; } = "";

        [VectorType(3, 8, 8)]
        public double[] Doubles { get; set; } = new double[192];

        [VectorType(3, 8, 8)]
        public float[] Pixels { get; set; } = new float[192];

        public float[] Sizeless { get; set; } = new float[192];

        public float Number { get; set; }

        [VectorType(2)]
        public string[] Words { get; set; } = ["a", "b"];
    }
}
