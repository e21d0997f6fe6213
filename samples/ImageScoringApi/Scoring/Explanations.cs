using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet;
using Microsoft.ML.Transforms.Image;

namespace ImageScoringApi.Scoring;

/// <summary>Pictures of which parts of an image speak for its class. An application that only scores needs nothing of this.</summary>
internal static class Explanations
{
    public const string Column = "Explanation";

    /// <summary>Whether a model's output has the column.</summary>
    public static bool AreIn(DataViewSchema output) => output.GetColumnOrNull(Column)?.Type is ImageDataViewType;

    /// <summary>The model with the column, where a network of this library in it takes images; it is computed only where it is asked for.</summary>
    /// <param name="empty">No rows, with the model's input columns.</param>
    public static ITransformer AddTo(ITransformer model, MLContext mlContext, IDataView empty)
    {
        if (AreIn(model.GetOutputSchema(empty.Schema)) || ModelParts.Of(model).OfType<ResNetTransformer>().FirstOrDefault() is not { } network)
        {
            return model;
        }

        try
        {
            return new TransformerChain<ITransformer>(model, mlContext.Transforms.ResNetExplanation(Column, network.FeatureColumnName, network).Fit(model.Transform(empty)));
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            // The network takes pixels that other transforms make.
            return model;
        }
    }
}
