using System.Reflection;
using System.Text.Json;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.SearchSpace;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>What AutoML asks of a trainer and its options; each test is a fact of AutoML 5.</summary>
[TestClass]
public sealed class AutoMLTests
{
    private static readonly PropertyInfo[] Annotated =
        [.. typeof(ResNetTrainer.Options).GetMembers().OfType<PropertyInfo>().Where(property => property.GetCustomAttributes().Any(IsAnnotation))];

    [TestMethod]
    public void Annotations_AreOnPropertiesThatCanBeSet()
    {
        MemberInfo[] members = [.. typeof(ResNetTrainer.Options).GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static).Where(member => member.GetCustomAttributes().Any(IsAnnotation))];

        CollectionAssert.AreEquivalent(Annotated, members);
        Assert.IsGreaterThan(10, members.Length);
        foreach (PropertyInfo property in Annotated)
        {
            Assert.IsTrue(property.SetMethod is { IsPublic: true, IsStatic: false } && property.GetMethod is { IsPublic: true }, property.Name);
        }
    }

    [TestMethod]
    public void Annotations_FitTheTypesOfTheirProperties()
    {
        foreach (PropertyInfo property in Annotated)
        {
            if (property.GetCustomAttribute<RangeAttribute>() is { } range)
            {
                // AutoML refuses ranges of doubles on whole numbers, and logarithms of 0.
                Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
                Assert.AreEqual(type, range.Min.GetType(), property.Name);
                Assert.AreEqual(type, range.Max.GetType(), property.Name);
                Assert.AreEqual(type, range.Init?.GetType(), property.Name);
                Assert.IsTrue(!range.LogBase || Convert.ToDouble(range.Min) > 0, property.Name);
            }
            else
            {
                // Null among the choices, values of several types, and a default that is none of the choices make it throw.
                ChoiceAttribute choice = property.GetCustomAttribute<ChoiceAttribute>()!;
                Assert.IsTrue(choice.Candidates.All(candidate => candidate is not null && candidate.GetType() == property.PropertyType), property.Name);
                Assert.HasCount(choice.Candidates.Length, choice.Candidates.Distinct().ToArray(), property.Name);
                Assert.IsTrue(choice.DefaultValue is null || choice.Candidates.Contains(choice.DefaultValue), property.Name);
            }
        }
    }

    [TestMethod]
    public void FirstTrial_HasTheTrainersDefaults()
    {
        var defaults = new ResNetTrainer.Options();

        foreach (var (name, value) in AutoMLTrial.FirstValues<ResNetTrainer.Options>())
        {
            // What is left open depends on optimiser, batch and images: these suit the defaults.
            object expected = typeof(ResNetTrainer.Options).GetProperty(name)!.GetValue(defaults) ?? name switch
            {
                nameof(defaults.LearningRate) => 0.05,
                nameof(defaults.WeightDecay) => 5e-4,
                nameof(defaults.InitialImageScale) => 1.0,
                nameof(defaults.FeatureViews) => 4,
                _ => "a default of its own",
            };
            Assert.AreEqual(expected, value, name);
        }
    }

    [TestMethod]
    public void FirstTrial_TrainsTheModelOfTheDefaults()
    {
        ResNetTrainer.Options given = Options(epochs: 1);
        Dictionary<string, object> drawn = AutoMLTrial.FirstValues<ResNetTrainer.Options>();

        // A space without these: what is not searched keeps what was given.
        Assert.IsTrue(drawn.Remove(nameof(given.Epochs)) && drawn.Remove(nameof(given.BatchSize)) && drawn.Remove(nameof(given.LearningRate)));
        ResNetTrainer.Options trial = AutoMLTrial.Bind(given, drawn);

        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(24));
        using ResNetTransformer expected = context.MulticlassClassification.Trainers.ResNet(given).Fit(data);
        using ResNetTransformer actual = context.MulticlassClassification.Trainers.ResNet(trial).Fit(data);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));
    }

    [TestMethod]
    public void Bind_Options_KeepsDataAndLosesWhatTheFactorySets()
    {
        ResNetTrainer.Options given = Options();
        given.FeatureColumnName = "ImagePath";
        given.ImageSize = 96;
        given.Mean = [0.1f, 0.2f, 0.3f];
        given.LearningRateMilestones = [0.25, 0.5];
        given.ClassWeights = new Dictionary<string, float> { ["a"] = 2 };
        given.HorizontalFlip = false;
        given.MixUpAlpha = 0.4;
        given.CacheMemoryLimit = 1L << 40;
        given.FineTuning = FineTuningMode.Full;
        given.ValidationSet = new MLContext().Data.LoadFromEnumerable(Create(3));
        given.EpochCallback = _ => { };
        given.Progress = new SynchronousProgress(_ => { });
        given.MaxTrainingTime = TimeSpan.FromMinutes(1);
        using var source = new CancellationTokenSource();
        given.CancellationToken = source.Token;

        ResNetTrainer.Options trial = AutoMLTrial.Bind(given, new Dictionary<string, object> { ["LearningRate"] = 0.01, ["Optimizer"] = TrainingOptimizer.AdamW, ["Epochs"] = 7 });

        Assert.AreEqual(0.01, trial.LearningRate);
        Assert.AreEqual(TrainingOptimizer.AdamW, trial.Optimizer);
        Assert.AreEqual(7, trial.Epochs);
        string[] lost = [nameof(given.ValidationSet), nameof(given.EpochCallback), nameof(given.Progress), nameof(given.MaxTrainingTime), nameof(given.CancellationToken)];
        string[] changed = ["LearningRate", "Optimizer", "Epochs", .. lost];
        var defaults = new ResNetTrainer.Options();
        foreach (PropertyInfo property in typeof(ResNetTrainer.Options).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (lost.Contains(property.Name))
            {
                Assert.AreEqual(property.GetValue(defaults), property.GetValue(trial), property.Name);
            }
            else if (!changed.Contains(property.Name))
            {
                Assert.AreEqual(Json(property.GetValue(given)), Json(property.GetValue(trial)), property.Name);
            }
        }

        trial.Validate();
    }

    [TestMethod]
    public void Serialize_OptionsWithMembersThatAreNoData_LeavesThemOut()
    {
        ResNetTrainer.Options given = Options();
        given.ValidationSet = new MLContext().Data.LoadFromEnumerable(Create(3));
        given.EpochCallback = _ => { };
        using var source = new CancellationTokenSource();
        given.CancellationToken = source.Token;

        ResNetTrainer.Options back = JsonSerializer.Deserialize<ResNetTrainer.Options>(JsonSerializer.Serialize(given))!;

        Assert.AreEqual(given.Specification, back.Specification);
        Assert.AreEqual(given.LearningRate, back.LearningRate);
        Assert.AreEqual(given.CheckpointInterval, back.CheckpointInterval);
        Assert.IsNull(back.ValidationSet);
        Assert.IsNull(back.EpochCallback);
        Assert.AreEqual(CancellationToken.None, back.CancellationToken);
    }

    [TestMethod]
    public void Factory_OfAutoML_TakesTheTrainer()
    {
        // The type of CreateSweepableEstimator's parameter.
        Func<MLContext, ResNetTrainer.Options, IEstimator<ITransformer>> factory = (context, options) => context.MulticlassClassification.Trainers.ResNet(options);

        Assert.IsInstanceOfType<ResNetTrainer>(factory(new MLContext(), new ResNetTrainer.Options()));
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_CancelledThroughTheTrialsContext_StopsWithinABatchInAPipeline()
    {
        var context = new MLContext(1);
        int steps = 0;
        ResNetTrainer.Options options = Options(epochs: 1000, batchSize: 4);
        options.Progress = new SynchronousProgress(_ =>
        {
            if (++steps == 3)
            {
                Cancel(context);
            }
        });

        // Data and label mapping belong to the experiment's context, as in AutoML, which makes a context for each trial.
        var experiment = new MLContext(1);
        long tensors = LiveTensors.CountAfterCollection();
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(context, experiment.Data.LoadFromEnumerable(Create(40)), options));

        Assert.AreEqual(3, steps);
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Fit_ContextCancelledBeforeTheTrainerIsMade_DoesNotTrain()
    {
        var context = new MLContext(1);
        Cancel(context);
        int steps = 0;
        ResNetTrainer.Options options = Options();
        options.Progress = new SynchronousProgress(_ => steps++);

        Assert.ThrowsExactly<OperationCanceledException>(() => context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(new MLContext(1), Create(20))));

        Assert.AreEqual(0, steps);
    }

    [TestMethod]
    public void Score_ContextCancelledAfterTheTrial_ScoresSavesAndEvaluates()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext(1);
        var experiment = new MLContext(1);
        IDataView data = experiment.Data.LoadFromEnumerable(Create(24));
        ITransformer model = Fit(context, data, Options(epochs: 1));
        using var chain = (IDisposable)model;
        float[][] before = Scores(model, data);

        Cancel(context);

        float[][] after = Scores(model, data);
        for (int i = 0; i < before.Length; i++)
        {
            CollectionAssert.AreEqual(before[i], after[i]);
        }

        Assert.IsGreaterThan(0.0, experiment.MulticlassClassification.Evaluate(model.Transform(data)).LogLoss);
        using (PredictionEngine<PixelRow, PredictionRow> engine = CreateEngine(experiment, model))
        {
            Assert.HasCount(3, engine.Predict(Create(1)[0]).Score);
        }

        experiment.Model.Save(model, data.Schema, folder.File("model.zip"));
        Assert.IsGreaterThan(0, new FileInfo(folder.File("model.zip")).Length);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_ManyTrials_KeepTheirWeightsAloneUntilDisposed()
    {
        var context = new MLContext(1);
        IDataView data = Keyed(context, Create(12));
        long tensors = LiveTensors.CountAfterCollection();
        List<ResNetTransformer> models = [];
        List<long> held = [];
        for (int i = 0; i < 3; i++)
        {
            long before = LiveTensors.CountAfterCollection();
            models.Add(context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data));
            held.Add(torch.Tensor.TotalCount - before);
        }

        // A tensor for each entry of the state dictionary; nothing of the training, nothing that scoring lays out.
        int entries = StateDictLayout.Of(TinyNetwork, 3, 3).Count();
        Assert.IsTrue(held.All(count => count == entries), $"{string.Join(", ", held)}; expected {entries} each.");
        models.ForEach(model => model.Dispose());
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    private static bool IsAnnotation(Attribute attribute) => attribute is RangeAttribute or ChoiceAttribute or BooleanChoiceAttribute or NestOptionAttribute;

    private static string Json(object? value) => JsonSerializer.Serialize(value);

    /// <summary>Cancels as AutoML does: by an internal method.</summary>
    private static void Cancel(MLContext context)
        => typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!.Invoke(context, null);
}
