using Microsoft.ML;
using Microsoft.ML.ResNet;

namespace ImageScoringApi;

/// <summary>
/// Trains a model on the bundled images where there is none yet, so that the sample starts with one command. An application that serves a model needs
/// nothing of this.
/// </summary>
internal static class FirstModel
{
    private const int Epochs = 20;

    /// <exception cref="DirectoryNotFoundException">The program was moved away from the bundled images.</exception>
    /// <exception cref="IOException">The model can't be written where it belongs: that is found out before the training.</exception>
    public static void Train(string path, ILogger logger)
    {
        string images = Path.Combine(BundledFolder(), "train");
        RequireWritable(path);
        logger.LogInformation("There is no '{Path}'. Training one on the bundled images of clothes, {Epochs} epochs; name a model of your own with --Model.", path, Epochs);
        var mlContext = new MLContext(seed: 1);
        IDataView data = mlContext.Data.LoadImageFolder(images);
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
            {
                FeatureColumnName = "ImagePath",
                Architecture = ResNetArchitecture.ResNet20,
                Epochs = Epochs,
                BatchSize = 32,
                HorizontalFlip = false,
                EpochCallback = epoch => logger.LogInformation("Epoch {Epoch} of {Epochs}: loss {Loss:F3}", epoch.Epoch, Epochs, epoch.TrainingLoss),
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = pipeline.Fit(data);
        mlContext.Model.SaveAtomically(model, data.Schema, path);
    }

    private static void RequireWritable(string path)
    {
        try
        {
            new FileStream(Path.Combine(Path.GetDirectoryName(path)!, $".{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"There is no '{path}', and no model can be written there: {exception.Message} Name a model with --Model, or start in a folder that may be written to.", exception);
        }
    }

    private static string BundledFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string data = Path.Combine(folder.FullName, "data", "fashion-mnist");
            if (Directory.Exists(data))
            {
                return data;
            }
        }

        throw new DirectoryNotFoundException("The bundled images (data/fashion-mnist) are in no folder above the program. Name a model with --Model.");
    }
}
