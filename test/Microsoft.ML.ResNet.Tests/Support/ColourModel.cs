using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A saved model that tells the images of a <see cref="ColourFolder"/> apart, as users save them.</summary>
internal static class ColourModel
{
    /// <param name="explains">Whether it has a column of pictures of what speaks for the class, too.</param>
    public static void Save(string imageFolder, string modelPath, bool explains = false)
    {
        var context = new MLContext(1);
        IDataView images = context.Data.LoadImageFolder(imageFolder);
        using var model = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
            {
                FeatureColumnName = "ImagePath",
                Architecture = ResNetArchitecture.ResNet20,
                Epochs = 6,
                BatchSize = 8,
            }))
            .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(images);
        if (!explains)
        {
            context.Model.SaveAtomically(model, images.Schema, modelPath);
            return;
        }

        using ResNetExplanationTransformer explaining = context.Transforms.ResNetExplanation("Explanation", "ImagePath", model.OfType<ResNetTransformer>().Single()).Fit(images);
        context.Model.SaveAtomically(new TransformerChain<ITransformer>(model, explaining), images.Schema, modelPath);
    }
}
