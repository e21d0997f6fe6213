using System.Reflection;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Trainer;

/// <summary>Trainings that can't begin or don't end: bad data, bad settings, cancellation.</summary>
[TestClass]
public sealed class ResNetTrainerFaultsTests
{
    [TestMethod]
    public void Fit_LabelThatTheMappingNeverSaw_IsLeftOutWithOneWarning()
    {
        var context = new MLContext(1);
        var log = new LogRecorder(context);
        List<PixelRow> rows = Create(5, seed: 1, "cat", "dog");
        ITransformer mapping = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(rows));
        rows[2].Label = "unicorn";
        List<EpochMetrics> epochs = [];
        ResNetTrainer.Options options = Options(epochs: 1);
        options.EpochCallback = epochs.Add;

        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(options).Fit(mapping.Transform(context.Data.LoadFromEnumerable(rows)));

        Assert.AreEqual(4, epochs.Single().ImageCount);
        CollectionAssert.AreEqual(new[] { "1 of 5 training rows have no label and are left out: their values have no key." }, log.Warnings.ToArray());
    }

    [TestMethod]
    public void Fit_NoRowHasALabel_FailsBeforeTraining()
    {
        var context = new MLContext(1);
        List<PixelRow> rows = Create(4, seed: 1, "cat", "dog");
        ITransformer mapping = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(rows));
        rows.ForEach(row => row.Label = "unicorn");
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(Options());

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(mapping.Transform(context.Data.LoadFromEnumerable(rows))));

        Assert.AreEqual("Label column 'Label' is missing in all 4 rows: no value of theirs has a key. Fit MapValueToKey on data with these labels.", exception.Message);
    }

    [TestMethod]
    public void Fit_OneClassOnly_FailsBeforeAnyImageIsOpened()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Enumerable.Repeat(new PathRow { Label = "cat", ImagePath = "no such file" }, 3));
        ResNetTrainer.Options options = Options();
        options.FeatureColumnName = "ImagePath";

        var exception = Assert.ThrowsExactly<ArgumentException>(() => Fit(context, data, options));

        StringAssert.StartsWith(exception.Message, "Label column 'Label' has rows of one class only, 'cat', expected at least two classes.");
    }

    [TestMethod]
    public void Fit_EmptyData_SaysSo()
    {
        var context = new MLContext(1);
        List<PixelRow> rows = Create(4, seed: 1, "cat", "dog");
        ITransformer mapping = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(rows));
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(Options());

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(mapping.Transform(context.Data.LoadFromEnumerable(new List<PixelRow>()))));

        StringAssert.StartsWith(exception.Message, "Label column 'Label' has no rows");
    }

    [TestMethod]
    public void Fit_ValidationSetWithOtherKeys_SaysWhatToDo()
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(8, seed: 1, "cat", "dog"));
        ResNetTrainer.Options options = Options(epochs: 1);
        options.ValidationSet = Keyed(context, Create(8, seed: 1, "dog", "cat"));
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(options);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(data));

        Assert.AreEqual(
            "Label column 'Label' of the validation set has the keys dog, cat, expected cat, dog, as in the training set. Transform both with the same fitted MapValueToKey.",
            exception.Message);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_CancelledByTheContext_StopsWithinABatch()
    {
        var context = new MLContext(1);
        List<EpochMetrics> progress = [];
        ResNetTrainer.Options options = Options(epochs: 100, batchSize: 4);
        options.Progress = new SynchronousProgress(step =>
        {
            progress.Add(step);
            if (progress.Count == 2)
            {
                Cancel(context);
            }
        });
        IDataView data = Keyed(context, Create(20));
        long tensors = LiveTensors.CountAfterCollection();

        Assert.ThrowsExactly<OperationCanceledException>(() => context.MulticlassClassification.Trainers.ResNet(options).Fit(data));

        Assert.HasCount(2, progress);
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Fit_CancelledByTheToken_StopsWithinABatch()
    {
        var context = new MLContext(1);
        using var source = new CancellationTokenSource();
        int steps = 0;
        ResNetTrainer.Options options = Options(epochs: 100, batchSize: 4);
        options.CancellationToken = source.Token;
        options.Progress = new SynchronousProgress(_ =>
        {
            if (++steps == 3)
            {
                source.Cancel();
            }
        });

        Assert.ThrowsExactly<OperationCanceledException>(() => context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(context, Create(20))));

        Assert.AreEqual(3, steps);
    }

    [TestMethod]
    public void Fit_GpuThatIsNotThere_IsAnErrorOrAWarning()
    {
        if (torch.cuda.is_available())
        {
            Assert.Inconclusive("This machine has a CUDA device.");
        }

        var strict = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = false };
        string message = Assert.ThrowsExactly<InvalidOperationException>(() => Fit(strict, strict.Data.LoadFromEnumerable(Create(8)), Options(epochs: 1))).Message;
        StringAssert.StartsWith(message, "GpuDeviceId is 0, but torch sees 0 CUDA devices. Reference TorchSharp-cuda-windows or TorchSharp-cuda-linux instead of TorchSharp-cpu");

        var lenient = new MLContext(1) { GpuDeviceId = 0, FallbackToCpu = true };
        var log = new LogRecorder(lenient);
        ((IDisposable)Fit(lenient, lenient.Data.LoadFromEnumerable(Create(8)), Options(epochs: 1))).Dispose();
        CollectionAssert.AreEqual(new[] { "GpuDeviceId is 0, but torch sees 0 CUDA devices. Using the CPU, as FallbackToCpu says." }, log.Warnings.ToArray());
    }

    [TestMethod]
    public void Fit_LossThatExplodes_StopsWithTheStepAndAdvice()
    {
        var context = new MLContext(1);
        ResNetTrainer.Options options = Options(epochs: 20);
        options.LearningRate = 10;
        options.WeightDecay = 1;
        options.Momentum = 0.999;
        options.LabelSmoothing = 0;
        List<PixelRow> rows = Create(24);
        rows.ForEach(row => row.Features = [.. row.Features.Select(value => value * 1e30f)]);
        options.PixelRange = PixelRange.Normalized;

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(context, rows)));

        StringAssert.StartsWith(exception.Message, "Training diverged: the loss is NaN in step ");
        StringAssert.Contains(exception.Message, "Lower LearningRate");
    }

    [TestMethod]
    public void Fit_LabelThatIsNoKey_SaysWhatToAdd()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(Create(4));
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(Options());
        const string expected = "Label column 'Label' has type String, expected Key. Add Conversion.MapValueToKey(\"Label\") before ResNet.";

        Assert.AreEqual(expected, Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(data)).Message);
        Assert.AreEqual(expected, Assert.ThrowsExactly<ArgumentException>(() => trainer.GetOutputSchema(MLNet.SchemaShapesTests.ShapeOf(data))).Message);
    }

    [TestMethod]
    public void Fit_FeatureColumnThatIsMissing_NamesTheColumnsThatAreThere()
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(4));
        ResNetTrainer.Options options = Options();
        options.FeatureColumnName = "Pixels";
        ResNetTrainer trainer = context.MulticlassClassification.Trainers.ResNet(options);

        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(data)).Message, "Feature column 'Pixels' is missing. The data has the columns 'Label', 'Features'");
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => trainer.GetOutputSchema(MLNet.SchemaShapesTests.ShapeOf(data))).Message,
            "Feature column 'Pixels' is missing. The data has the columns 'Label', 'Features'");
    }

    /// <summary>Cancels as AutoML and Model Builder do: by an internal method.</summary>
    private static void Cancel(MLContext context)
        => typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!.Invoke(context, null);

    private sealed class PathRow
    {
        public string Label { get; set; } = "";

        public string ImagePath { get; set; } = "";
    }
}
