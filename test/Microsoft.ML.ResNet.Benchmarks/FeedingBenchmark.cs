using System.Diagnostics;
using Microsoft.ML.ResNet.Trainer;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The cost of training from JPEG files instead of preloaded tensors.</summary>
internal sealed class FeedingBenchmark : IBenchmark
{
    private const int BatchSize = 16;

    public string Name => "feeding";

    public string Description => $"training steps of ResNet-18 at 224 pixels, batches of {BatchSize}, images from JPEG files of 500x375";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        int rounds = quick ? 1 : 8, stepsPerRound = quick ? 1 : 4;
        using var photos = new PhotoFolder(BatchSize * (rounds * stepsPerRound + 1));
        var context = new MLContext(1);
        IDataView files = context.Data.LoadImageFolder(photos.Root);
        IDataView data = context.Transforms.Conversion.MapValueToKey("Label").Fit(files).Transform(files);
        var options = new ResNetTrainer.Options { FeatureColumnName = "ImagePath", ImageSize = 224, BatchSize = BatchSize };
        ImageColumn column = ImageColumn.Of(data.Schema, "ImagePath", PixelLayout.Auto);
        LabeledRows rows = LabeledRows.Read(data, new LabeledRowColumns("Label", "Label column"), column, imageFolder: null, () => { });
        var reader = new TrainingDataReader(TrainingDefaults.Reading(options, Path.GetTempPath()), column, () => { }, _ => { });
        using TrainingData training = reader.Read(data, rows);
        TrainingSettings settings = TrainingDefaults.Resolve(options, 224, training.Training.Count, classWeights: null, seed: 1);
        var plan = new BatchPlan(training.Training.Count, BatchSize);
        using var network = new ResidualNetwork(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet18).ResolveStem(224, 224), 3, 2, seed: 1);
        using var optimizer = new StochasticGradientDescent(network.ParameterEntries.Select(entry => new OptimizedParameter(entry.Name, entry.Parameter, HasWeightDecay: true)), 0.9, 5e-4);
        network.train();

        using var scope = NewDisposeScope();
        Tensor images = randn(BatchSize, 224, 224, 3).permute(0, 3, 1, 2), classes = randint(0, 2, [BatchSize]);
        Step(images, classes);
        Step(images, classes);
        double Preloaded() => Rate(stepsPerRound, _ => Step(images, classes));

        List<BenchmarkResult> results = [];
        using var batches = new BatchLoader(training.Training, weights: null, plan, settings, CPU);
        for (int epoch = 1; epoch <= 2; epoch++)
        {
            batches.Shuffle(epoch);
            int next = 0;
            double Fed() => Rate(stepsPerRound, _ =>
            {
                using var step = NewDisposeScope();
                TrainingBatch batch = batches.Create(next++);
                Step(batch.Images, batch.Labels);
            });
            results.AddRange(Interleaved.Run(Name, "images/s", rounds, ($"preloaded tensors (beside epoch {epoch})", Preloaded), ($"image files, epoch {epoch}", Fed)));
            while (next < plan.Count)
            {
                using var rest = NewDisposeScope();
                batches.Create(next++);
            }
        }

        return results;

        void Step(Tensor batchImages, Tensor batchLabels)
        {
            using var step = NewDisposeScope();
            nn.functional.cross_entropy(network.forward(batchImages), batchLabels).backward();
            optimizer.Step(0.001);
        }
    }

    private static double Rate(int steps, Action<int> step)
    {
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < steps; i++)
        {
            step(i);
        }

        return steps * BatchSize / clock.Elapsed.TotalSeconds;
    }
}
