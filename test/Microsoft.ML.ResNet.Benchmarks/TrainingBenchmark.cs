using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Fit, from its second epoch on, compared with plain loops over preloaded tensors: in TorchSharp and in Debian's PyTorch.</summary>
internal sealed class TrainingBenchmark : IBenchmark
{
    public string Name => "training";

    public string Description => "Fit with augmentation from its second epoch on, beside plain loops on ready tensors";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        return quick
            ? Compare(ResNetArchitecture.ResNet20, size: 32, batch: 32, batches: 2, rounds: 1)
            :
            [
                .. Compare(ResNetArchitecture.ResNet18, size: 224, batch: 32, batches: 3, rounds: 5),
                .. Compare(ResNetArchitecture.ResNet20, size: 32, batch: 128, batches: 10, rounds: 7),
            ];
    }

    private IReadOnlyList<BenchmarkResult> Compare(ResNetArchitecture architecture, int size, int batch, int batches, int rounds)
    {
        string what = string.Create(CultureInfo.InvariantCulture, $"{architecture}, {size} pixels, batches of {batch}");
        var context = new MLContext(1);
        IDataView data = Data(context, size, batch * batches);
        using nn.Module<Tensor, Tensor> plain = size == 224 ? torchvision.models.resnet18(num_classes: 2) : Plain(architecture);
        using var optimizer = optim.SGD(plain.parameters(), 0.01, momentum: 0.9, weight_decay: 5e-4);
        using ResNetTransformer start = context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options { Architecture = architecture, BatchSize = batch, Epochs = 1 }).Fit(context.Data.TakeRows(data, batch));
        var weights = ResNetWeights.FromTransformer(start);
        using var scope = NewDisposeScope();
        Tensor images = randn(batch, 3, size, size), labels = randint(0, 2, [batch]);
        List<(string, Func<double>)> contestants =
        [
            ($"{what}: plain TorchSharp loop, float32", () => Loop(plain, optimizer, images, labels, batches)),
            ($"{what}: Fit, float32", () => Fit(context, data, architecture, batch, TrainingPrecision.Float32)),
            .. Enumerable.Range(1, start.Specification.Depths.Count - 1).Select<int, (string, Func<double>)>(
                stages => ($"{what}: Fit with FrozenStages = {stages}, float32", () => Fit(context, data, architecture, batch, TrainingPrecision.Float32, weights, stages))),
        ];
        if (BFloat16Support.HasInstructions(CPU))
        {
            contestants.Add(($"{what}: Fit, bfloat16", () => Fit(context, data, architecture, batch, TrainingPrecision.BFloat16)));
        }

        if (PythonPeer.IsThere)
        {
            contestants.Add(($"{what}: Debian's PyTorch, channels-last, float32", () => PythonPeer.ImagesPerSecond(architecture, batch, batches)));
        }

        Loop(plain, optimizer, images, labels, 1);
        return Interleaved.Run(Name, "images/s", rounds, [.. contestants]);
    }

    /// <summary>Our network as it would be without the care for its layout.</summary>
    private static ResidualNetwork Plain(ResNetArchitecture architecture)
    {
        var network = new ResidualNetwork(ResNetSpecification.FromArchitecture(architecture), 3, 2, seed: 1);
        using var withoutGradient = no_grad();
        foreach (NetworkParameter entry in network.ParameterEntries.Where(entry => entry.Parameter.dim() == 4))
        {
            entry.Parameter.set_(entry.Parameter.clone().contiguous());
        }

        return network;
    }

    private static double Loop(nn.Module<Tensor, Tensor> network, optim.Optimizer optimizer, Tensor images, Tensor labels, int batches)
    {
        network.train();
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < batches; i++)
        {
            using var step = NewDisposeScope();
            optimizer.zero_grad();
            Tensor loss = nn.functional.cross_entropy(network.forward(images), labels);
            loss.backward();
            optimizer.step();
            loss.item<float>();
        }

        return batches * images.shape[0] / clock.Elapsed.TotalSeconds;
    }

    private static double Fit(MLContext context, IDataView data, ResNetArchitecture architecture, int batch, TrainingPrecision precision, ResNetWeights? start = null, int frozenStages = 0)
    {
        double rate = 0;
        using ResNetTransformer model = context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options
        {
            Architecture = architecture,
            PretrainedWeights = start,
            FrozenStages = frozenStages,
            BatchSize = batch,
            Epochs = 2,
            WarmupEpochs = 0,
            LearningRate = 0.01,
            Precision = precision,
            EpochCallback = metrics => rate = metrics.ImagesPerSecond,
        }).Fit(data);
        return rate;
    }

    private static IDataView Data(MLContext context, int size, int count)
    {
        var random = new Random(1);
        var schema = SchemaDefinition.Create(typeof(Row));
        schema["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 3, size, size);
        IDataView rows = context.Data.LoadFromEnumerable(
            Enumerable.Range(0, count).Select(i => new Row { Label = i % 2 == 0 ? "a" : "b", Features = [.. Enumerable.Range(0, 3 * size * size).Select(_ => (float)random.Next(256))] }).ToArray(), schema);
        return context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        public float[] Features { get; set; } = [];
    }
}
