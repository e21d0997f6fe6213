using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.MemoryChecks;

/// <summary>What the library does, in small: each task gives the hash of its result, the same every time.</summary>
internal sealed class StormTasks : IDisposable
{
    private static readonly ResNetSpecification s_forKernels = new() { Depths = [1, 1], Widths = [16, 32], Stem = ResNetStem.Cifar };
    private static readonly ResNetSpecification s_narrow = new() { Depths = [1, 1], Widths = [8, 12], Stem = ResNetStem.ImageNet };
    private static readonly ResNetSpecification s_grouped = new() { Block = ResNetBlock.Bottleneck, Depths = [1, 1], Widths = [8, 16], Groups = 2, WidthPerGroup = 32, Stem = ResNetStem.Cifar };

    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("resnet-storm-").FullName;
    private readonly IDataView _data;
    private readonly IDataView _validation;
    private readonly ResNetTransformer _model;
    private readonly ResNetTransformer _modelInBFloat16;

    public StormTasks()
    {
        IDataView rows = _context.Data.LoadFromEnumerable(PixelRow.Create(26)), validation = _context.Data.LoadFromEnumerable(PixelRow.Create(9));
        ITransformer keys = _context.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
        (_data, _validation) = (keys.Transform(rows), keys.Transform(validation));
        _model = Fit(Options(s_forKernels));
        _modelInBFloat16 = _model.WithScoringPrecision(_context, ScoringPrecision.BFloat16);
    }

    public IEnumerable<(string Name, Func<string> Run)> All =>
    [
        ("kernels, SGD, clipping, mixing, averaging", () => Train(s_forKernels, options =>
        {
            (options.MaxGradientNorm, options.MixUpAlpha, options.CutMixAlpha, options.WeightAveragingDecay) = (0.5, 0.2, 1, 0.9);
            (options.LabelSmoothing, options.ValidationSet) = (0.1, _validation);
        })),
        ("kernels, AdamW, class and example weights", () => Train(s_forKernels, options =>
        {
            (options.Optimizer, options.ClassWeighting, options.ExampleWeightColumnName) = (TrainingOptimizer.AdamW, ClassWeighting.Balanced, nameof(PixelRow.Weight));
            options.ClassWeightingStart = 0;
        })),
        ("libtorch, SGD, narrow", () => Train(s_narrow, options => (options.Nesterov, options.MaxGradientNorm) = (true, 0.5))),
        ("libtorch, AdamW, bfloat16, groups", () => Train(s_grouped, options => (options.Optimizer, options.Precision, options.ScoringPrecision) = (TrainingOptimizer.AdamW, TrainingPrecision.BFloat16, ScoringPrecision.BFloat16))),
        ("fine-tuning with frozen statistics", () => FineTune(FineTuningMode.HeadThenFull, freezes: true)),
        ("fine-tuning of the classifier", () => FineTune(FineTuningMode.HeadOnly, freezes: false)),
        ("checkpoints and resuming", Resume),
        ("scoring", () => Score(_model)),
        ("scoring in bfloat16", () => Score(_modelInBFloat16)),
        ("prediction engine", Predict),
        ("features", Features),
        ("ONNX export", Export),
        ("saving and loading", SaveAndLoad),
        .. StormSteps.All,
    ];

    public void Dispose()
    {
        _model.Dispose();
        _modelInBFloat16.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static ResNetTrainer.Options Options(ResNetSpecification specification) => new()
    {
        Specification = specification,
        Epochs = 1,
        BatchSize = 5,
        LearningRate = 0.01,
        WarmupEpochs = 0,
        WeightAveragingDecay = 0,
        Precision = TrainingPrecision.Float32,
        Seed = 1,
    };

    private ResNetTransformer Fit(ResNetTrainer.Options options) => _context.MulticlassClassification.Trainers.ResNet(options).Fit(_data);

    private string Train(ResNetSpecification specification, Action<ResNetTrainer.Options> set)
    {
        ResNetTrainer.Options options = Options(specification);
        set(options);
        using ResNetTransformer model = Fit(options);
        return Hash(Weights(model), Scores(model));
    }

    private string FineTune(FineTuningMode mode, bool freezes)
    {
        ResNetTrainer.Options options = Options(s_forKernels);
        (options.PretrainedWeights, options.FineTuning, options.FreezeBatchNorm, options.ValidationSet) = (ResNetWeights.FromTransformer(_model), mode, freezes, _validation);
        options.FrozenStages = freezes && mode != FineTuningMode.HeadOnly ? 1 : 0;
        using ResNetTransformer model = Fit(options);
        return Hash(Weights(model), Scores(model));
    }

    private string Resume()
    {
        ResNetTrainer.Options options = Options(s_narrow);
        (options.CheckpointDirectory, options.ResumeFromCheckpoint, options.Optimizer) = (Path.Combine(_folder, Path.GetRandomFileName()), true, TrainingOptimizer.AdamW);
        options.EpochCallback = _ => throw new TimeoutException();
        try
        {
            Fit(options).Dispose();
        }
        catch (TimeoutException)
        {
            options.EpochCallback = null;
        }

        using ResNetTransformer model = Fit(options);
        Directory.Delete(options.CheckpointDirectory, recursive: true);
        return Hash(Weights(model));
    }

    private string Score(ResNetTransformer model) => Hash(Scores(model));

    private string Predict()
    {
        using PredictionEngine<PixelRow, PredictionRow> engine = _context.Model.CreatePredictionEngine<PixelRow, PredictionRow>(_model, new PredictionEngineOptions { OwnsTransformer = false });
        return Hash(Bytes(PixelRow.Create(9).Select(row => engine.Predict(row).Score)));
    }

    private string Features()
    {
        IDataView features = _context.Transforms.ResNetFeatures("Pooled", "Features", ResNetWeights.FromTransformer(_model)).Fit(_validation).Transform(_validation);
        return Hash(Bytes(features.GetColumn<float[]>("Pooled")));
    }

    private string Export()
    {
        string path = Path.Combine(_folder, Path.GetRandomFileName());
        byte[][] files =
        [
            .. new[] { OnnxPrecision.Float32, OnnxPrecision.Float16 }.Select(precision =>
            {
                _model.ExportOnnx(path, new OnnxExportOptions { Precision = precision });
                return File.ReadAllBytes(path);
            }),
        ];
        File.Delete(path);
        return Hash(files);
    }

    private string SaveAndLoad()
    {
        string path = Path.Combine(_folder, Path.GetRandomFileName());
        _context.Model.Save(_model, _data.Schema, path);
        using var loaded = (ResNetTransformer)_context.Model.Load(path, out _);
        File.Delete(path);
        _model.SaveWeights(path);
        ResNetWeights weights = ResNetWeights.FromFile(path);
        File.Delete(path);
        return Hash(Weights(loaded), Scores(loaded), BitConverter.GetBytes(weights.Tensors.Count));
    }

    private byte[] Weights(ResNetTransformer model)
    {
        string path = Path.Combine(_folder, Path.GetRandomFileName());
        model.SaveWeights(path);
        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    private byte[] Scores(ResNetTransformer model) => Bytes(model.Transform(_validation).GetColumn<float[]>("Score"));

    private static byte[] Bytes(IEnumerable<float[]> rows) => MemoryMarshal.AsBytes(rows.SelectMany(row => row).ToArray().AsSpan()).ToArray();

    public static string Hash(params byte[][] parts) => Convert.ToHexString(SHA256.HashData(parts.SelectMany(part => part).ToArray()), 0, 8);
}
