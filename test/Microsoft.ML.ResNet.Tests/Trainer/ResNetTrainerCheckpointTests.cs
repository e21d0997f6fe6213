using System.Text;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

[TestClass]
public sealed class ResNetTrainerCheckpointTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(7, TrainingOptimizer.Sgd, 0.9, 0.0, DisplayName = "in mid-epoch, averaged")]
    [DataRow(10, TrainingOptimizer.AdamW, 0.0, 0.2, DisplayName = "at the end of an epoch, AdamW, validation")]
    [DataRow(12, TrainingOptimizer.Sgd, 0.9, 0.2, DisplayName = "in mid-epoch, averaged, validation")]
    public void Fit_InterruptedAndResumed_GivesTheModelOfAnUninterruptedTraining(int step, TrainingOptimizer optimizer, double averaging, double validationFraction)
    {
        IDataView data = Keyed(_context, Create(40));
        using var folder = new TemporaryFolder();
        using ResNetTransformer expected = Trainer(With(null)).Fit(data);

        ResNetTrainer.Options interrupted = With(folder.Path);
        interrupted.Progress = new SynchronousProgress(metrics =>
        {
            if (metrics.Step == step)
            {
                throw new TimeoutException("The power fails.");
            }
        });
        Assert.ThrowsExactly<TimeoutException>(() => Trainer(interrupted).Fit(data));
        List<EpochMetrics> resumed = [];
        ResNetTrainer.Options again = With(folder.Path);
        again.ResumeFromCheckpoint = true;
        again.Progress = new SynchronousProgress(resumed.Add);
        using ResNetTransformer actual = Trainer(again).Fit(data);

        // The checkpoint within an epoch is written after the report that failed, the one at its end before.
        Assert.IsTrue(resumed[0].Step == step || resumed[0].Step == step + 1, $"resumed with step {resumed[0].Step}");
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));
        CollectionAssert.AreEqual(expected.TrainingHistory.Select(Untimed).ToArray(), actual.TrainingHistory.Select(Untimed).ToArray());
        Assert.IsEmpty(Directory.GetFiles(folder.Path, "*.partial"));

        ResNetTrainer.Options With(string? path)
        {
            ResNetTrainer.Options options = Options(epochs: 4);
            options.Optimizer = optimizer;
            options.WeightAveragingDecay = averaging;
            options.ValidationFraction = validationFraction;
            options.CheckpointDirectory = path;
            options.CheckpointInterval = TimeSpan.Zero;
            return options;
        }
    }

    [TestMethod]
    public void Fit_FinishedCheckpoint_IsTakenWithoutTraining()
    {
        IDataView data = Keyed(_context, Create(16));
        using var folder = new TemporaryFolder();
        using ResNetTransformer first = Trainer(With(folder.Path)).Fit(data);
        ResNetTrainer.Options options = With(folder.Path);
        options.Progress = new SynchronousProgress(_ => Assert.Fail("It trains."));

        using ResNetTransformer again = Trainer(options).Fit(data);

        SavedWeights.AssertEqual(SavedWeights.Of(first), SavedWeights.Of(again));
    }

    [TestMethod]
    public void Fit_WithValidation_KeepsTheBestWeightsToo()
    {
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = With(folder.Path);
        options.ValidationFraction = 0.2;

        using ResNetTransformer model = Trainer(options).Fit(Keyed(_context, Create(30)));

        SavedWeights.AssertEqual(SavedWeights.Of(model), SavedWeights.Read(folder.File("best.safetensors")));
    }

    [TestMethod]
    public void Fit_CheckpointOfOtherSettings_NamesThem()
    {
        using var folder = new TemporaryFolder();
        using (Trainer(With(folder.Path)).Fit(Keyed(_context, Create(16))))
        {
        }

        ResNetTrainer.Options options = With(folder.Path);
        options.LearningRate = 0.01;
        string message = Assert.ThrowsExactly<InvalidDataException>(() => Trainer(options).Fit(Keyed(_context, Create(20)))).Message;

        StringAssert.StartsWith(message, $"Can't resume from checkpoint '{folder.File("last.checkpoint")}': It was made with other settings or data: LearningRate was '0.05' and is '0.01'; Training images was '16, ");
        StringAssert.EndsWith(message, "Set ResumeFromCheckpoint to false to start over, or choose another CheckpointDirectory.");
    }

    [TestMethod]
    [DataRow(0.1)]
    [DataRow(0.5)]
    [DataRow(0.999)]
    public void Fit_CheckpointCutShort_SaysSo(double share)
    {
        using var folder = new TemporaryFolder();
        IDataView data = Keyed(_context, Create(16));
        using (Trainer(With(folder.Path)).Fit(data))
        {
        }

        string path = folder.File("last.checkpoint");
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(int)(bytes.Length * share)]);
        string message = Assert.ThrowsExactly<InvalidDataException>(() => Trainer(With(folder.Path)).Fit(data)).Message;

        StringAssert.StartsWith(message, $"Can't resume from checkpoint '{path}': ");
    }

    [TestMethod]
    public void Fit_PartsThatAKilledTrainingLeft_AreRemoved()
    {
        using var folder = new TemporaryFolder();
        string[] left = [folder.File("last.checkpoint.0123.partial"), folder.File("best.safetensors.4567.partial")];
        Array.ForEach(left, path => File.WriteAllText(path, "half"));
        File.WriteAllText(folder.File("notes.partial"), "the user's");

        Trainer(With(folder.Path)).Fit(Keyed(_context, Create(16))).Dispose();

        CollectionAssert.AreEquivalent(new[] { "last.checkpoint", "notes.partial" }, Directory.GetFiles(folder.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [DataRow("\"epoch\":3", "\"epoch\":0", "has parts that are missing or out of range.")]
    [DataRow("\"batch\":0", "\"batch\":-5", "has parts that are missing or out of range.")]
    [DataRow("\"history\":[", "\"history\":null,\"was\":[", "has parts that are missing or out of range.")]
    [DataRow("\"isFinished\":true", "\"metrics\":null", "has parts that are missing or out of range.")]
    public void Fit_CheckpointWithAStateThatIsNone_SaysSo(string original, string replacement, string expected)
    {
        using var folder = new TemporaryFolder();
        IDataView data = Keyed(_context, Create(16));
        Trainer(With(folder.Path)).Fit(data).Dispose();
        string path = folder.File("last.checkpoint");
        byte[] bytes = File.ReadAllBytes(path);
        int length = BitConverter.ToInt32(bytes);
        string header = System.Text.Encoding.UTF8.GetString(bytes, 8, length), quoted = original.Replace("\"", "\\u0022", StringComparison.Ordinal);
        StringAssert.Contains(header, quoted);
        byte[] changed = System.Text.Encoding.UTF8.GetBytes(header.Replace(quoted, replacement.Replace("\"", "\\u0022", StringComparison.Ordinal), StringComparison.Ordinal));
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. bytes[(8 + length)..]]);

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Trainer(With(folder.Path)).Fit(data)).Message;

        StringAssert.StartsWith(message, $"Can't resume from checkpoint '{path}': Its training state {expected}");
    }

    [TestMethod]
    [DataRow("position\\u0022:", 0, "training state", DisplayName = "the state")]
    [DataRow("Seed\\u0022:\\u0022", 0, "training state", DisplayName = "the settings")]
    [DataRow("", 20_000, "tensors", DisplayName = "a weight")]
    [DataRow("", 1, "tensors", DisplayName = "the last byte")]
    public void Fit_CheckpointWithAnotherBit_SaysThatItIsDamaged(string after, int fromEnd, string part)
    {
        IDataView data = Keyed(_context, Create(16));
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = Options(epochs: 1);
        options.CheckpointDirectory = folder.Path;
        Trainer(options).Fit(data).Dispose();
        string path = folder.File("last.checkpoint");
        byte[] content = File.ReadAllBytes(path);
        int at = fromEnd > 0 ? content.Length - fromEnd : content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(after)) + after.Length;
        Assert.IsGreaterThan(after.Length, at);
        content[at] ^= 1; // Digits stay digits.
        File.WriteAllBytes(path, content);

        options.ResumeFromCheckpoint = true;
        string message = Assert.ThrowsExactly<InvalidDataException>(() => Trainer(options).Fit(data)).Message;

        Assert.AreEqual(
            $"Can't resume from checkpoint '{path}': It is damaged: its {part} {(part == "tensors" ? "have" : "has")} another checksum than when {(part == "tensors" ? "they were" : "it was")} written. "
                + "Set ResumeFromCheckpoint to false to start over, or choose another CheckpointDirectory.",
            message);
    }

    [TestMethod]
    public void Fit_CheckpointThatIsNotWanted_IsKept()
    {
        using var folder = new TemporaryFolder();
        IDataView data = Keyed(_context, Create(16));
        using (Trainer(With(folder.Path)).Fit(data))
        {
        }

        byte[] before = File.ReadAllBytes(folder.File("last.checkpoint"));
        ResNetTrainer.Options options = With(folder.Path);
        options.ResumeFromCheckpoint = false;
        using (Trainer(options).Fit(data))
        {
        }

        CollectionAssert.AreEqual(before, File.ReadAllBytes(folder.File("previous.checkpoint")));
    }

    [TestMethod]
    public void Fit_CheckpointOfFewerEpochs_SaysHowToTrainFurther()
    {
        IDataView data = Keyed(_context, Create(16));
        using var folder = new TemporaryFolder();
        Trainer(With(folder.Path)).Fit(data).Dispose();
        ResNetTrainer.Options options = With(folder.Path);
        options.Epochs = 4;

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Trainer(options).Fit(data)).Message;

        StringAssert.Contains(message, ": Epochs was '2' and is '4' (a finished model is trained further by Fit(data, model)).");
    }

    [TestMethod]
    public void Fit_NoSeedGiven_GoesOnWithTheCheckpointsSeed()
    {
        var context = new MLContext();
        IDataView data = Keyed(context, Create(16));
        using var folder = new TemporaryFolder();
        using ResNetTransformer first = context.MulticlassClassification.Trainers.ResNet(With(folder.Path)).Fit(data);

        using ResNetTransformer again = context.MulticlassClassification.Trainers.ResNet(With(folder.Path)).Fit(data);

        SavedWeights.AssertEqual(SavedWeights.Of(first), SavedWeights.Of(again));
    }

    [TestMethod]
    public void Fit_DivergedWithCheckpoints_NamesTheLastGoodOne()
    {
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = With(folder.Path);
        options.LearningRate = 10;
        options.WeightDecay = 1;
        options.Nesterov = false;
        options.Momentum = 0.999;
        options.Epochs = 500;
        options.LearningRateDecay = LearningRateDecay.Constant;

        string message = Assert.ThrowsExactly<InvalidOperationException>(() => Trainer(options).Fit(Keyed(_context, Create(16)))).Message;

        StringAssert.StartsWith(message, "Training diverged: ");
        Assert.IsTrue(SavedWeights.Read(folder.File("last.checkpoint")).Values.All(values => values.All(float.IsFinite)), "The checkpoint has weights of after that.");
        StringAssert.EndsWith(message, $"The last checkpoint, '{folder.File("last.checkpoint")}', is from before that.");
    }

    private ResNetTrainer Trainer(ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options);

    private static ResNetTrainer.Options With(string folder)
    {
        ResNetTrainer.Options options = Options(epochs: 2);
        options.CheckpointDirectory = folder;
        options.ResumeFromCheckpoint = true;
        return options;
    }

    private static EpochMetrics Untimed(EpochMetrics metrics)
        => metrics with { Elapsed = TimeSpan.Zero, Remaining = TimeSpan.Zero, ImagesPerSecond = 0 };
}
