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
    /// <param name="skipsBadImages">Whether the model has BadImages = Skip, which gives images that can't be read scores of NaN. Those of any other model are a fault of the model and stay.</param>
    /// <exception cref="InvalidDataException">None of the images can be read.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static TestResult Test(MLContext mlContext, IDataView scoredImages, bool skipsBadImages, CancellationToken cancellationToken)
    {
        // The images are scored when they are first read, and the cache keeps what is read twice.
        IDataView scored = mlContext.Data.Cache(scoredImages, "ImagePath", "Label", "PredictedLabel", "Score");
        List<TestedImage> tested = [];
        List<string> unreadable = [];
        IDataView readable = mlContext.Transforms.Conversion.MapKeyToValue("Label").Fit(scored).Transform(scored);
        foreach (TestedImage image in mlContext.Data.CreateEnumerable<TestedImage>(readable, reuseRowObject: false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (skipsBadImages && image.Score.Any(float.IsNaN))
            {
                unreadable.Add(image.ImagePath);
            }
            else
            {
                tested.Add(image);
            }
        }

        if (tested.Count == 0 && unreadable.Count > 0)
        {
            throw new InvalidDataException($"None of the {unreadable.Count:N0} test images can be read, such as '{unreadable[0]}'. Expected JPEG, PNG, WebP, BMP or GIF.");
        }

        IDataView measured = unreadable.Count == 0 ? scored : mlContext.Data.FilterRowsByMissingValues(scored, "Score");
        return new TestResult(tested, unreadable, mlContext.MulticlassClassification.Evaluate(measured), measured);
    }

    /// <summary>The image size by whose features images are compared: small ones care least for what resizing and compressing change.</summary>
    public const int ComparedSize = 96;

    /// <summary>
    /// Computes features of images with a network that knows ImageNet, and keeps them: for FindLabelErrors and FindDuplicateImages. Images that can't be read are left out, and
    /// added to the others that can't, each with the reason.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static IDataView Features(MLContext mlContext, IReadOnlyList<LabeledImage> images, int imageSize, IDictionary<string, string> unreadable, CancellationToken cancellationToken)
    {
        IDataView data = mlContext.Data.LoadFromEnumerable(images.TakeWhile(_ => !cancellationToken.IsCancellationRequested));
        using ResNetFeaturesTransformer features = FeaturesTransformer(mlContext, data, imageSize, BadImageHandling.Skip);
        ILookup<bool, FeaturedImage> byFault = mlContext.Data.CreateEnumerable<FeaturedImage>(features.Transform(data), reuseRowObject: false).ToLookup(image => image.Features.Any(float.IsNaN));
        cancellationToken.ThrowIfCancellationRequested();
        FeaturedImage[] rows = [.. byFault[false]];
        string[] faulty = [.. byFault[true].Select(image => image.ImagePath).Where(path => !unreadable.ContainsKey(path))];
        if (faulty.Length > 0)
        {
            using ResNetFeaturesTransformer strict = FeaturesTransformer(mlContext, data, imageSize, BadImageHandling.Throw);
            foreach (string path in faulty)
            {
                unreadable[path] = Fault(mlContext, strict, path);
            }
        }

        SchemaDefinition schema = SchemaDefinition.Create(typeof(FeaturedImage));
        schema[nameof(FeaturedImage.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features.FeatureCount);
        return mlContext.Data.LoadFromEnumerable(rows, schema);
    }

    /// <summary>Why an image can't be read.</summary>
    /// <param name="strict">A transformer that throws.</param>
    private static string Fault(MLContext mlContext, ResNetFeaturesTransformer strict, string path)
    {
        IDataView data = mlContext.Data.LoadFromEnumerable<LabeledImage>([new() { ImagePath = path }]);
        try
        {
            _ = mlContext.Data.CreateEnumerable<FeaturedImage>(strict.Transform(data), reuseRowObject: true).Count();
            return $"Image file '{path}' could not be read a moment ago.";
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return exception.Message;
        }
    }

    private static ResNetFeaturesTransformer FeaturesTransformer(MLContext mlContext, IDataView data, int imageSize, BadImageHandling badImages)
        => mlContext.Transforms.ResNetFeatures(new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = "Features",
            InputColumnName = "ImagePath",
            Weights = ResNetWeights.ImageNet(),
            ImageSize = imageSize,
            BadImages = badImages,
        }).Fit(data);
}
