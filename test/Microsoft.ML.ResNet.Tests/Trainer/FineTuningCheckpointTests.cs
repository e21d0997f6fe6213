using System.Text.Json;
using Microsoft.ML.ResNet.WeightFiles;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Fine-tuning with a folder for checkpoints comes to the model that it comes to without one, interrupted or not.</summary>
[TestClass]
public sealed class FineTuningCheckpointTests
{
    private readonly MLContext _context = new(1);

    // A trial of 160 images; a part of 2,000 held out; a validation set.
    [TestMethod]
    [DataRow(160, 0.0)]
    [DataRow(2000, 0.0)]
    [DataRow(80, 0.25)]
    public void Fit_InterruptedAndResumed_GivesTheModelWithoutCheckpoints(int images, double validationFraction)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(images, seed: 1), "across", "down");
        using var folder = new TemporaryFolder();
        using ResNetTransformer expected = Train(data, With(null));
        Assert.HasCount(3, expected.TrainingHistory, "Fine-tuning has something to gain here.");

        ResNetTrainer.Options interrupted = With(folder.Path);
        interrupted.Progress = new SynchronousProgress(metrics =>
        {
            if (metrics is { IsTrial: false, Epoch: 2, Step: > 0 })
            {
                throw new TimeoutException("The power fails.");
            }
        });
        Assert.ThrowsExactly<TimeoutException>(() => Train(data, interrupted));
        CollectionAssert.AreEquivalent(new[] { "last.checkpoint", "start.checkpoint" }, Directory.GetFiles(folder.Path).Select(Path.GetFileName).Where(name => name != "best.safetensors").ToArray());
        using ResNetTransformer resumed = Resume(out string log);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(resumed));
        Assert.DoesNotContain("Trying on", log);

        // Killed before the first checkpoint of the loop.
        File.Delete(folder.File("last.checkpoint"));
        using ResNetTransformer fromStart = Resume(out log);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(fromStart));
        Assert.DoesNotContain("Trying on", log);

        // Finished: nothing is trained, the comparison comes to the same.
        using ResNetTransformer again = Resume(out _);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(again));

        ResNetTransformer Resume(out string informations)
        {
            ResNetTrainer.Options options = With(folder.Path);
            options.ResumeFromCheckpoint = true;
            var recorder = new LogRecorder(_context);
            ResNetTransformer model = Train(data, options);
            informations = string.Join("\n", recorder.Informations);
            Assert.IsEmpty(recorder.Warnings, string.Join("\n", recorder.Warnings));
            return model;
        }

        ResNetTrainer.Options With(string? path)
        {
            ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
            options.Epochs = 3;
            options.LearningRate = 0.1;
            options.ValidationFraction = validationFraction;
            options.CheckpointDirectory = path;
            options.CheckpointInterval = TimeSpan.Zero;
            return options;
        }
    }

    [TestMethod]
    public void Fit_AfterATrial_TakesTheMeanOfItsWeightsAndTheTrials()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        (options.Epochs, options.LearningRate, options.WeightAveragingDecay, options.CheckpointDirectory) = (3, 0.1, 0, folder.Path);

        using ResNetTransformer model = Train(Keyed(_context, Stripes(160, seed: 1), "across", "down"), options);

        Dictionary<string, float[]> start = SavedWeights.Read(folder.File("start.checkpoint")), end = SavedWeights.Read(folder.File("last.checkpoint"));
        double share = Start(folder.File("start.checkpoint")).GetProperty("share").GetDouble(), largest = 0;
        foreach (var (name, values) in SavedWeights.Of(model))
        {
            for (int i = 0; i < values.Length; i++)
            {
                double from = start["network." + name][i], own = end["network." + name][i], trial = start["trial." + name][i];
                double expected = from + (share * (((own + trial) / 2) - from));
                Assert.AreEqual(expected, values[i], 1e-6 * Math.Max(1, Math.Abs(expected)), name);
                largest = Math.Max(largest, share * Math.Abs(own - trial));
            }
        }

        Assert.IsGreaterThan(0.01, largest, "The two trainings differ.");
    }

    /// <summary>The trial at a fifth of the learning rate is the first trial of a training at that rate, and its weights are those that are averaged.</summary>
    [TestMethod]
    public void Fit_LowerRateIsBetterInTheTrial_GivesTheModelOfThatRate()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(160, seed: 1), "across", "down");
        using TemporaryFolder high = new(), low = new();
        using ResNetTransformer expected = Train(data, With(0.6, low.Path));

        using ResNetTransformer model = Train(data, With(3, high.Path));

        Assert.AreEqual(1, Start(low.File("start.checkpoint")).GetProperty("rateScale").GetDouble());
        Assert.AreEqual(0.2, Start(high.File("start.checkpoint")).GetProperty("rateScale").GetDouble());
        SavedWeights.AssertEqual(SavedWeights.Read(low.File("start.checkpoint")), SavedWeights.Read(high.File("start.checkpoint")));
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(model));

        ResNetTrainer.Options With(double learningRate, string path)
        {
            ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
            (options.Epochs, options.LearningRate, options.WeightAveragingDecay, options.CheckpointDirectory) = (3, learningRate, 0, path);
            return options;
        }
    }

    /// <summary>A limit of time is none of the settings that a resumed training must share.</summary>
    [TestMethod]
    public void Fit_LargeSetResumedWithAnotherLimit_GoesByThatLimit()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(2000, seed: 1), "across", "down");
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        (options.Epochs, options.MaxTrainingTime, options.CheckpointDirectory, options.ResumeFromCheckpoint) = (20, TimeSpan.FromHours(1), folder.Path, true);
        options.Progress = new SynchronousProgress(metrics =>
        {
            if (metrics is { Epoch: 2, Step: > 0 })
            {
                throw new TimeoutException("The power fails.");
            }
        });
        Assert.ThrowsExactly<TimeoutException>(() => Train(data, options));
        options.Progress = null;
        options.MaxTrainingTime = TimeSpan.FromMilliseconds(1);

        using ResNetTransformer model = Train(data, options);

        Assert.IsLessThan(20, model.TrainingHistory.Count);
    }

    [TestMethod]
    [DataRow(60)]
    [DataRow(700)]
    public void Fit_FineTuningThatSpoilsTheNetwork_IsNoWorseThanTheClassifier(int imagesPerClass)
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 6));
        IDataView data = Keyed(_context, Create(imagesPerClass * 3, seed: 7, "one", "two", "three"), "one", "two", "three");
        using var folder = new TemporaryFolder();
        ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
        (options.LearningRate, options.WarmupEpochs, options.Epochs, options.CheckpointDirectory) = (5, 0, 2, folder.Path);

        using ResNetTransformer model = Train(data, options);

        IDataView test = Keyed(_context, Create(300, seed: 8, "one", "two", "three"), "one", "two", "three");
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_StartOfOtherSettingsOrDamagedOrMissing_SaysSo()
    {
        using ResNetTransformer pretrained = Train(Keyed(_context, Create(96)), Options(epochs: 2));
        IDataView data = Keyed(_context, Stripes(80, seed: 1), "across", "down");
        using var folder = new TemporaryFolder();
        using ResNetTransformer first = Train(data, With(epochs: 2));
        string start = folder.File("start.checkpoint");
        File.Delete(folder.File("last.checkpoint"));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Train(data, With(epochs: 3))).Message, $"Can't resume from checkpoint '{start}': It was made with other settings or data: Epochs was '2' and is '3'");
        byte[] content = File.ReadAllBytes(start);
        File.WriteAllBytes(start, content[..(content.Length / 2)]);
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => Train(data, With(epochs: 2))).Message, $"Can't resume from checkpoint '{start}': ");

        // Without it the trial and the classifier are computed again; beside a state of the training, which goes on from another network, a warning says what is lost.
        File.Delete(start);
        using ResNetTransformer second = Train(data, With(epochs: 2));
        SavedWeights.AssertEqual(SavedWeights.Of(first), SavedWeights.Of(second));
        File.Delete(start);
        var log = new LogRecorder(_context);
        using ResNetTransformer third = Train(data, With(epochs: 2));
        StringAssert.Contains(string.Join("\n", log.Warnings), "has no start.checkpoint: fine-tuning ends without a comparison");

        ResNetTrainer.Options With(int epochs)
        {
            ResNetTrainer.Options options = FineTuning(pretrained, FineTuningMode.HeadThenFull);
            (options.Epochs, options.LearningRate, options.ValidationFraction, options.CheckpointDirectory, options.ResumeFromCheckpoint) = (epochs, 0.1, 0.25, folder.Path, true);
            return options;
        }
    }

    private ResNetTransformer Train(IDataView data, ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);

    /// <summary>What the trial decided.</summary>
    private static JsonElement Start(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var (_, metadata) = SafetensorsHeader.Read(stream);
        using JsonDocument document = JsonDocument.Parse(metadata["fineTuning"]);
        return document.RootElement.GetProperty("start").Clone();
    }
}
