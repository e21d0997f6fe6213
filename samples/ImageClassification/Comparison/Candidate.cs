using ImageClassification.Data;
using Microsoft.ML;
using Microsoft.ML.ResNet;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;

namespace ImageClassification.Comparison;

/// <summary>A way to train: a pipeline from the columns ImagePath and Label to PredictedLabel and Score.</summary>
/// <param name="Title">What people call it.</param>
/// <param name="Create">Makes what is between the mapping of the labels and the mapping back.</param>
internal sealed record Candidate(CandidateName Name, string Title, Func<MLContext, TrainingTask, IEstimator<ITransformer>> Create)
{
    // At 32 pixels a picture is 3,072 numbers, which is about what ML.NET's own trainers learn from in minutes.
    private const int LargestPixelSize = 32;

    /// <summary>
    /// All candidates, in the order in which they run: the slowest of those that can't be stopped come last, so that the others have their
    /// part of the budget.
    /// </summary>
    public static IReadOnlyList<Candidate> All { get; } =
    [
        new(CandidateName.PixelsSdca, "pixels + SDCA", (mlContext, task) => Features(mlContext, ImageFeatures.Pixels(mlContext, PixelSize(task)), Sdca(mlContext))),
        new(CandidateName.FeaturesSdca, "ResNet features + SDCA", (mlContext, _) => Features(mlContext, ImageFeatures.ResNet(mlContext), Sdca(mlContext))),
        new(CandidateName.OnnxSdca, "ONNX features + SDCA", (mlContext, _) => Features(mlContext, ImageFeatures.Onnx(mlContext), Sdca(mlContext))),
        new(CandidateName.HeadOnly, "ResNet, HeadOnly", (mlContext, task) => ResNet(mlContext, task, FineTuningMode.HeadOnly)),
        new(CandidateName.HeadThenFull, "ResNet, HeadThenFull", (mlContext, task) => ResNet(mlContext, task, FineTuningMode.HeadThenFull)),
        new(CandidateName.Scratch, "ResNet from scratch", (mlContext, task) => ResNet(mlContext, task, fineTuning: null)),
        new(CandidateName.FeaturesLightGbm, "ResNet features + LightGBM", (mlContext, _) => Features(mlContext, ImageFeatures.ResNet(mlContext), LightGbm(mlContext))),
        new(CandidateName.OnnxLightGbm, "ONNX features + LightGBM", (mlContext, _) => Features(mlContext, ImageFeatures.Onnx(mlContext), LightGbm(mlContext))),
        new(CandidateName.PixelsLightGbm, "pixels + LightGBM", (mlContext, task) => Features(mlContext, ImageFeatures.Pixels(mlContext, PixelSize(task)), LightGbm(mlContext))),
    ];

    /// <summary>The whole pipeline, from files to the class as text. The classes are in the order of their names, for all candidates.</summary>
    public IEstimator<ITransformer> Pipeline(MLContext mlContext, TrainingTask task)
        => mlContext.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
            .Append(Create(mlContext, task))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

    /// <summary>Trainers read the data many times: the cache keeps the features of the first time.</summary>
    private static IEstimator<ITransformer> Features(MLContext mlContext, IEstimator<ITransformer> features, IEstimator<ITransformer> trainer)
        => features.AppendCacheCheckpoint(mlContext).Append(trainer);

    /// <summary>With one thread, so that the same seed gives the same model: on several it depends on their race.</summary>
    private static IEstimator<ITransformer> Sdca(MLContext mlContext)
        => mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 });

    private static IEstimator<ITransformer> LightGbm(MLContext mlContext) => mlContext.MulticlassClassification.Trainers.LightGbm();

    private static IEstimator<ITransformer> ResNet(MLContext mlContext, TrainingTask task, FineTuningMode? fineTuning)
    {
        ResNetWeights? weights = fineTuning is null ? null : ResNetWeights.ImageNet();
        int size = task.ChosenImageSize ?? weights?.Preprocessing!.Width ?? task.ImageSize;
        var options = new ResNetTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            ImageSize = size,
            PretrainedWeights = weights,
            FineTuning = fineTuning,
            MaxTrainingTime = task.Time,
            CancellationToken = task.CancellationToken,
        };
        if (weights is null && ImageSize.IsSmall(size))
        {
            options.Architecture = ResNetArchitecture.ResNet20;
        }

        if (fineTuning != FineTuningMode.HeadOnly)
        {
            options.Epochs = task.Epochs ?? (weights is null ? options.Epochs : FineTuningEpochs.Of(task.ImageCount, size));
        }

        return mlContext.MulticlassClassification.Trainers.ResNet(options);
    }

    private static int PixelSize(TrainingTask task) => Math.Min(task.ImageSize, LargestPixelSize);
}
