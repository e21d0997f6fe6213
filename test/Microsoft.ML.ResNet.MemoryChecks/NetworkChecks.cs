using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.Runtime;
using AdamW = Microsoft.ML.ResNet.Training.AdamW;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.MemoryChecks;

/// <summary>
/// Takes networks of every family through two steps of training and through scoring, by this library's kernels and by libtorch's, in float32
/// and in bfloat16: narrow and odd widths, groups, grey images, images down to one pixel, batches of one and two. It checks no numbers but that
/// they are finite; it is for tools that watch memory, such as <c>GLIBC_TUNABLES=glibc.malloc.check=3 LD_PRELOAD=libc_malloc_debug.so.0</c>.
/// Buffers of the kernels end before a page that may not be touched.
/// </summary>
internal static class NetworkChecks
{
    private const int Classes = 3;

    /// <param name="withNamedOnes">Whether the named architectures are among them, which have up to 127 million parameters.</param>
    /// <returns>How many networks failed.</returns>
    public static int Run(bool withNamedOnes)
    {
        AlignedBuffer.UsesGuardPages = GuardedMemory.IsSupported;
        int faults = 0, count = 0;
        foreach (var (specification, channels, height, width) in Small().Concat(withNamedOnes ? Named() : []))
        {
            foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
            {
                string what = $"{specification}, {channels}x{height}x{width}, {type}";
                if (Check(specification.ResolveStem(height, width), channels, height, width, type) is { } fault)
                {
                    Console.WriteLine($"{what}: {fault}");
                    faults++;
                }

                count++;
            }
        }

        Console.WriteLine($"{count} networks, own kernels {(MatrixKernel.IsSupported ? "on" : "off")}, {get_num_threads()} threads");
        return faults;
    }

    private static IEnumerable<(ResNetSpecification Specification, int Channels, int Height, int Width)> Small()
    {
        var basic = new ResNetSpecification { Depths = [1, 1], Stem = ResNetStem.Cifar };
        var bottleneck = basic with { Block = ResNetBlock.Bottleneck };
        (int Height, int Width)[] sizes = [(1, 1), (1, 7), (2, 3), (5, 4), (8, 8), (17, 13)];
        for (int width = 3; width <= 24; width++)
        {
            (int height, int columns) = sizes[width % sizes.Length];
            int channels = width % 3 == 0 ? 1 : 3;
            yield return (basic with { Widths = [width, width + (width % 5)] }, channels, height, columns);
            yield return (basic with { Widths = [width, width + 4], Shortcut = ResNetShortcut.ZeroPad }, channels, 9, columns);
            yield return (basic with { Widths = [width, width], Stem = ResNetStem.ImageNet }, channels, height + 10, columns);
            yield return (bottleneck with { Widths = [width, width + 1] }, channels, height, columns + 1);
            yield return (bottleneck with { Widths = [width, width], Groups = 2, WidthPerGroup = 64 }, channels, height + 1, columns);
        }

        foreach ((int height, int width) in sizes)
        {
            foreach (int channels in new[] { 1, 3, 4 })
            {
                foreach (ResNetShortcut shortcut in new[] { ResNetShortcut.Projection, ResNetShortcut.ZeroPad })
                {
                    yield return (basic with { Widths = [16, 32], Shortcut = shortcut }, channels, height, width);
                }

                yield return (bottleneck with { Widths = [16, 32], Stem = ResNetStem.ImageNet }, channels, height, width);
                yield return (bottleneck with { Widths = [8, 16], Groups = 4, WidthPerGroup = 32 }, channels, height, width);
            }
        }
    }

    private static IEnumerable<(ResNetSpecification Specification, int Channels, int Height, int Width)> Named()
        => Enum.GetValues<ResNetArchitecture>().Select((architecture, i) => (ResNetSpecification.FromArchitecture(architecture), 3, 33 + (i % 3), 40 - (i % 4)));

    private static string? Check(ResNetSpecification specification, int channels, int height, int width, ScalarType type)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var network = new ResidualNetwork(specification, channels, Classes, seed: 1) { ActivationType = type };
            foreach (bool byKernels in new[] { true, false })
            {
                if (!byKernels || VectorTraining.Supports(network, CPU))
                {
                    Train(network, byKernels ? new VectorTraining(network) : new AutogradTraining(network), channels, height, width);
                }
            }

            network.eval();
            Score(network, null, channels, height, width);
            if (type == ScalarType.Float32 && VectorNetwork.IsSupported)
            {
                using var kernels = new VectorNetwork(network);
                Score(network, kernels, channels, height, width);
            }

            if (Fused(type) is { } operators)
            {
                using var fused = new FusedNetwork(network, operators);
                Score(network, fused, channels, height, width);
            }

            return null;
        }
#pragma warning disable CA1031 // Whatever it is, it is a fault to be reported beside the others.
        catch (Exception exception)
        {
            return exception.ToString();
        }
#pragma warning restore CA1031
    }

    private static void Train(ResidualNetwork network, INetworkTraining training, int channels, int height, int width)
    {
        using (training)
        {
            IEnumerable<OptimizedParameter> parameters = network.ParameterEntries.Select(entry => new OptimizedParameter(entry.Name, entry.Parameter, entry.Kind == ParameterKind.Weight));
            using IOptimizer adam = new AdamW(parameters, 0.9, 0.999, 0.01), descent = new StochasticGradientDescent(parameters, 0.9, 1e-4);
            network.train();
            foreach (var (count, optimizer) in new[] { (2, adam), (5, descent) })
            {
                using var step = NewDisposeScope();
                Tensor logits = training.Forward(Images(count, channels, height, width));
                training.Backward(nn.functional.cross_entropy(logits, tensor(Enumerable.Range(0, count).Select(i => (long)i % Classes).ToArray())));
                optimizer.Step(1e-3);
            }
        }
    }

    private static void Score(ResidualNetwork network, IScoringNetwork? scoring, int channels, int height, int width)
    {
        foreach (int count in new[] { 1, 2, 5 })
        {
            using var inference = inference_mode();
            using var batch = NewDisposeScope();
            Tensor images = Images(count, channels, height, width);
            Tensor logits = scoring?.Forward(images) ?? network.forward(images);
            if (!logits.isfinite().all().item<bool>())
            {
                throw new InvalidOperationException($"The scores of {scoring?.GetType().Name ?? "the network"} aren't finite, batch of {count}.");
            }
        }
    }

    private static FusedConvolutions? Fused(ScalarType type)
    {
        IHostEnvironment environment = new MLContext(1);
        using IChannel channel = environment.Start(nameof(NetworkChecks));
        return FusedConvolutions.For(CPU, channel, type);
    }

    /// <summary>Interleaved, in memory of libtorch's, as a batch of training or scoring is.</summary>
    private static Tensor Images(int count, int channels, int height, int width)
        => tensor(Enumerable.Range(0, count * channels * height * width).Select(i => MathF.Sin(0.7f * i)).ToArray(), [count, height, width, channels]).permute(0, 3, 1, 2).clone();
}
