using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms.Onnx;

namespace ImageClassification.Comparison;

/// <summary>Counts the numbers that a model is made of.</summary>
internal static class ParameterCount
{
    /// <summary>The weights of networks and linear models; null with trees, which ML.NET keeps to itself for more than two classes.</summary>
    public static long? Of(ITransformer model)
    {
        ITransformer[] parts = [.. SavedModel.Parts(model)];
        long onnx = parts.OfType<OnnxTransformer>().Any() ? NetworkAlone(ResNetWeights.ImageNet().Specification) : 0;
        long?[] counts = [onnx, .. parts.Select(OfPart)];
        return counts.Contains(null) ? null : counts.Sum();
    }

    private static long? OfPart(ITransformer part) => part switch
    {
        ResNetTransformer network => network.Specification.CountParameters(network.ClassNames.Count),
        ResNetFeaturesTransformer features => NetworkAlone(features.Specification),
        ISingleFeaturePredictionTransformer<object> trained => OfModel(trained.Model),
        _ => 0,
    };

    private static long? OfModel(object model)
    {
        if (model is not MaximumEntropyModelParameters linear)
        {
            return null;
        }

        VBuffer<float>[]? weights = null;
        linear.GetWeights(ref weights, out int classes);
        return classes + weights.Sum(row => (long)row.Length);
    }

    /// <summary>Without the classifier, which has a weight for each feature and a bias.</summary>
    private static long NetworkAlone(ResNetSpecification specification)
        => (2 * specification.CountParameters(classCount: 1)) - specification.CountParameters(classCount: 2);
}
