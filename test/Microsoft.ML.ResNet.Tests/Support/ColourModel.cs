namespace Microsoft.ML.ResNet.Tests;

/// <summary>A saved model that tells the images of a <see cref="ColourFolder"/> apart, as users save them.</summary>
internal static class ColourModel
{
    public static void Save(string imageFolder, string modelPath)
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
        context.Model.SaveAtomically(model, images.Schema, modelPath);
    }
}
