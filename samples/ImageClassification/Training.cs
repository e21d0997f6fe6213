using ImageClassification.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet;
using Microsoft.ML.Transforms;

namespace ImageClassification;

/// <summary>Everything that has to do with machine learning: this is the code to copy.</summary>
internal static class Training
{
    /// <summary>Trains on images whose paths are in the column ImagePath and whose classes are in the column Label.</summary>
    public static TransformerChain<KeyToValueMappingTransformer> Fit(MLContext mlContext, IDataView images, ResNetTrainer.Options options)
    {
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ResNet(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        return pipeline.Fit(images);
    }

    /// <summary>Finds learning rates for the same training.</summary>
    public static LearningRateCurve FindLearningRate(MLContext mlContext, IDataView images, ResNetTrainer.Options options)
    {
        IDataView keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(images).Transform(images);
        return mlContext.MulticlassClassification.Trainers.ResNet(options).FindLearningRate(keys);
    }

    /// <summary>Measures how often a model is right about images that it has not seen.</summary>
    /// <param name="scoredImages">What the model's Transform made of the images.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static TestResult Test(MLContext mlContext, IDataView scoredImages, CancellationToken cancellationToken)
    {
        // The images are scored when they are first read, and the cache keeps what is read twice.
        IDataView scored = mlContext.Data.Cache(scoredImages, "ImagePath", "Label", "PredictedLabel", "Score");
        List<TestedImage> tested = [];
        IDataView readable = mlContext.Transforms.Conversion.MapKeyToValue("Label").Fit(scored).Transform(scored);
        foreach (TestedImage image in mlContext.Data.CreateEnumerable<TestedImage>(readable, reuseRowObject: false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            tested.Add(image);
        }

        return new TestResult(tested, mlContext.MulticlassClassification.Evaluate(scored), scored);
    }

    /// <summary>The image size by whose features images are compared: small ones care least for what resizing and compressing change.</summary>
    public const int ComparedSize = 96;

    /// <summary>Computes features of images with a network that knows ImageNet, and keeps them: for FindLabelErrors and FindDuplicateImages.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static IDataView Features(MLContext mlContext, IReadOnlyList<LabeledImage> images, int imageSize, CancellationToken cancellationToken)
    {
        IDataView data = mlContext.Data.LoadFromEnumerable(images.TakeWhile(_ => !cancellationToken.IsCancellationRequested));
        using ResNetFeaturesTransformer features = mlContext.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = "Features",
            InputColumnName = "ImagePath",
            Weights = ResNetWeights.ImageNet(),
            ImageSize = imageSize,
        }).Fit(data);
        FeaturedImage[] rows = [.. mlContext.Data.CreateEnumerable<FeaturedImage>(features.Transform(data), reuseRowObject: false)];
        cancellationToken.ThrowIfCancellationRequested();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(FeaturedImage));
        schema[nameof(FeaturedImage.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features.FeatureCount);
        return mlContext.Data.LoadFromEnumerable(rows, schema);
    }
}
