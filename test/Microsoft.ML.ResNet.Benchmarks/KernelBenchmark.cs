using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Each kernel alone, beside libtorch's operator on the same shape: layers of ResNet-50 and ResNet-18 at 224x224.</summary>
internal sealed class KernelBenchmark : IBenchmark
{
    private const int Count = 8;

    private static readonly (string Name, ConvolutionShape Shape, int Side)[] s_layers =
    [
        ("3x3, 64 channels, 56x56", new ConvolutionShape(64, 64, 3, 1, 1), 56),
        ("3x3, 512 channels, 7x7", new ConvolutionShape(512, 512, 3, 1, 1), 7),
        ("3x3 stride 2, 128 to 256 channels, 28x28", new ConvolutionShape(128, 256, 3, 2, 1), 28),
        ("1x1, 64 to 256 channels, 56x56", new ConvolutionShape(64, 256, 1, 1, 1), 56),
    ];

    public string Name => "kernels";

    public string Description => $"layers of {Count} images on all cores: libtorch's operator, then this library's kernel";

    public IReadOnlyList<BenchmarkResult> Run(bool quick)
    {
        NativeTorch.EnsureLoaded();
        return MatrixKernel.IsSupported ? [.. s_layers.Take(quick ? 1 : s_layers.Length).SelectMany(layer => Measure(layer.Name, layer.Shape, layer.Side, quick))] : [];
    }

    private IEnumerable<BenchmarkResult> Measure(string layer, ConvolutionShape shape, int side, bool quick)
    {
        int rounds = quick ? 1 : 7, repetitions = quick ? 1 : 10;
        using var layerOnKernels = new KernelLayer(shape, Count, side);
        using var scope = NewDisposeScope();
        // In channels_last, as this library keeps activations and weights.
        Tensor input = randn(Count, side, side, shape.InputChannels).permute(0, 3, 1, 2);
        Tensor weight = randn(shape.OutputChannels, shape.Kernel, shape.Kernel, shape.InputChannels).permute(0, 3, 1, 2);
        long[] strides = [shape.Stride, shape.Stride], padding = [shape.Kernel / 2, shape.Kernel / 2];
        Tensor trainedInput = input.clone().requires_grad_(), trainedWeight = weight.clone().requires_grad_();
        Tensor output = nn.functional.conv2d(trainedInput, trainedWeight, strides: strides, padding: padding), gradient = randn_like(output);
        Tensor mean = zeros(shape.OutputChannels), variance = ones(shape.OutputChannels), scale = ones(shape.OutputChannels);
        double operations = 2.0 * output.numel() * shape.InputChannels * shape.Kernel * shape.Kernel;

        (string, Func<double>) Contestant(string what, double passes, Action run) => (what, () => Rate(passes * operations, repetitions, run));
        void Forward()
        {
            using var step = NewDisposeScope();
            using var inference = inference_mode();
            nn.functional.conv2d(input, weight, strides: strides, padding: padding);
        }

        void Gradients(params IList<Tensor> wanted)
        {
            using var step = NewDisposeScope();
            autograd.grad([output], wanted, [gradient], retain_graph: true);
        }

        void Normalize()
        {
            using var step = NewDisposeScope();
            using var inference = inference_mode();
            nn.functional.batch_norm(output, mean, variance, scale, scale, training: true).relu_();
        }

        void Pool()
        {
            using var step = NewDisposeScope();
            using var inference = inference_mode();
            nn.functional.max_pool2d(output, [3L, 3L], [2L, 2L], [1L, 1L]);
        }

        // What is read and written at least, in gigabytes: statistics read the values once more.
        double bytes = sizeof(float) * (double)output.numel();
        (string, Func<double>) Moving(string what, double passes, Action run) => (what, () => Rate(passes * bytes, repetitions, run));
        (string, Func<double>)[][] moving =
        [
            [Moving("batch normalisation and ReLU: libtorch", 3, Normalize), Moving("batch normalisation and ReLU: this library", 3, layerOnKernels.Normalize)],
            [Moving("maximum pooling: libtorch", 1.25, Pool), Moving("maximum pooling: this library", 1.25, layerOnKernels.Pool)],
        ];
        (string, Func<double>)[][] groups =
        [
            [Contestant("forward: libtorch", 1, Forward), Contestant("forward: this library", 1, layerOnKernels.Forward)],
            [Contestant("weights' gradient: libtorch", 1, () => Gradients(trainedWeight)), Contestant("weights' gradient: this library", 1, layerOnKernels.WeightGradient)],
            [Contestant("input's gradient: libtorch", 1, () => Gradients(trainedInput)), Contestant("input's gradient: this library", 1, layerOnKernels.InputGradient)],
        ];
        IEnumerable<BenchmarkResult> results = groups.SelectMany(group => Interleaved.Run(Name, "GFLOP/s", rounds, group));
        if (shape.Kernel == 3 && side == 56)
        {
            results = results.Concat(moving.SelectMany(group => Interleaved.Run(Name, "GB/s", rounds, group)));
        }

        return [.. results.Select(result => result with { What = string.Create(CultureInfo.InvariantCulture, $"{layer}, {result.What}") })];
    }

    private static double Rate(double operations, int repetitions, Action run)
    {
        run();
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < repetitions; i++)
        {
            run();
        }

        return operations * repetitions / clock.Elapsed.TotalSeconds / 1e9;
    }
}
