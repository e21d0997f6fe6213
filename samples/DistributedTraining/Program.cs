using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.ResNet;

namespace DistributedTraining;

/// <summary>
/// Trains a network by all processes that mpiexec has started. Usage: <c>mpiexec -n 2 dotnet run -c Release --no-build --project samples/DistributedTraining -- --images DIR</c>.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        Option<string?> images = new("--images") { Description = "A folder with a sub-folder of images for each class, or tar files: a folder of them, or a pattern such as 'data/train-*.tar'. Default: the bundled images." };
        Option<string?> test = new("--test") { Description = "The test images, in the same form. Default: the bundled ones, or none." };
        Option<ResNetArchitecture> architecture = new("--architecture") { Description = "The network.", DefaultValueFactory = _ => ResNetArchitecture.ResNet20 };
        Option<int> epochs = new("--epochs") { Description = "How often training goes through all images.", DefaultValueFactory = _ => 10 };
        Option<int> batchSize = new("--batch") { Description = "Images in a batch of each process.", DefaultValueFactory = _ => 16 };
        Option<int> accumulate = new("--accumulate") { Description = "Batches of each process in a step.", DefaultValueFactory = _ => 1 };
        Option<string?> checkpoints = new("--checkpoints") { Description = "Where rank 0 keeps the state of the training, to resume from when the same command is run again, with any number of processes." };
        Option<string> output = new("--output") { Description = "Where rank 0 saves the model.", DefaultValueFactory = _ => "model.zip" };
        RootCommand command = new("Trains a network by all processes that mpiexec has started.") { images, test, architecture, epochs, batchSize, accumulate, checkpoints, output };
        command.SetAction(result =>
        {
            using MpiProcessGroup processes = MpiProcessGroup.Initialize(args);
            string folder = result.GetValue(images) ?? Bundled("train");
            string? testFolder = result.GetValue(test) ?? (result.GetValue(images) is null ? Bundled("test") : null);
            var options = new ResNetTrainer.Options
            {
                FeatureColumnName = "ImagePath",
                Architecture = result.GetValue(architecture),
                Epochs = result.GetValue(epochs),
                BatchSize = result.GetValue(batchSize),
                AccumulateSteps = result.GetValue(accumulate),
                CheckpointDirectory = result.GetValue(checkpoints),
                ResumeFromCheckpoint = result.GetValue(checkpoints) is not null,
                ProcessGroup = processes,
                EpochCallback = Report,
            };
            Train(processes, options, folder, testFolder, result.GetValue(output)!);
        });
        return command.Parse(args).Invoke();
    }

    private static void Train(MpiProcessGroup processes, ResNetTrainer.Options options, string folder, string? testFolder, string modelPath)
    {
        // The same seed everywhere; the trainer sees to the rest of what ranks have to agree on.
        var mlContext = new MLContext(seed: 1);
        IDataView data = Load(mlContext, folder);
        using var model = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ResNet(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(data);
        if (processes.Rank > 0)
        {
            return;
        }

        mlContext.Model.SaveAtomically(model, data.Schema, modelPath);
        if (testFolder is not null)
        {
            double accuracy = mlContext.MulticlassClassification.Evaluate(model.Transform(Load(mlContext, testFolder))).MicroAccuracy;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Test accuracy {accuracy:F3}, model {modelPath}, {processes.Size} processes"));
        }
    }

    private static IDataView Load(MLContext mlContext, string images)
        => Directory.Exists(images) && !Directory.EnumerateFiles(images, "*.tar").Any() ? mlContext.Data.LoadImageFolder(images) : mlContext.Data.LoadImageShards(images);

    private static void Report(EpochMetrics epoch)
        => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Epoch {epoch.Epoch}: loss {epoch.TrainingLoss:F4}, accuracy {epoch.TrainingAccuracy:F3}, {epoch.ImagesPerSecond:F0} images/s, {epoch.Elapsed.TotalSeconds:F1} s"));

    /// <summary>The bundled images, in a clone of the repository.</summary>
    private static string Bundled(string set)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string images = Path.Combine(folder.FullName, "samples", "data", "fashion-mnist", set);
            if (Directory.Exists(images))
            {
                return images;
            }
        }

        throw new DirectoryNotFoundException("The bundled images are not there. Name a folder with --images.");
    }
}
