using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Training;
using TorchSharp.Modules;
using AdamW = Microsoft.ML.ResNet.Training.AdamW;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.MemoryChecks;

/// <summary>
/// The innermost steps of a training, thousands of times: a number that nothing holds is freed during one call in some thousands. Networks and
/// tensors are as small as can be, so that most of the time goes by in such calls.
/// </summary>
internal static unsafe class StormSteps
{
    private const int Images = 2, Classes = 3;

    public static IEnumerable<(string Name, Func<string> Run)> All =>
    [
        ("normalisation by kernels", ForwardByKernels),
        ("normalisation by libtorch", ForwardByLibtorch),
        ("steps of AdamW by libtorch's operators", () => Optimize(parameters => new AdamW(parameters, 0.9, 0.999, 0.01))),
        ("steps of SGD by libtorch's operators", () => Optimize(parameters => new StochasticGradientDescent(parameters, 0.9, 0.01, nesterov: true))),
        ("losses of mixed images", MixedLosses),
        ("classifiers", FitClassifiers),
    ];

    private static string ForwardByKernels()
    {
        if (!MatrixKernel.IsSupported)
        {
            return "not on this processor";
        }

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var network = new ResidualNetwork(new ResNetSpecification { Depths = [1], Widths = [16], Stem = ResNetStem.Cifar }, 1, Classes, seed: 1);
        Dictionary<string, Tensor> state = network.StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor);
        var plan = NetworkPlan.Of(network.Specification, 1, Classes);
        using var unit = new ConvolutionNormActivation(plan.Stem, state, relu: true, wantsInputGradient: false);
        using var images = new AlignedBuffer(Images);
        (images.Pointer[0], images.Pointer[1]) = (1, 3);
        var input = new Activations((nint)images.Pointer, Images, 1, 1, 1);
        var (scratch, shared) = unit.Prepare(input, threads: 1);
        using var pass = new VectorPass(1, scratch, shared);
        for (int step = 0; step < 50_000; step++)
        {
            unit.Forward(pass, input, residual: default, usesRunningStatistics: false);
        }

        return Hash(state.Values);
    }

    private static string ForwardByLibtorch()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var initialization = new HeInitialization(seed: 1);
        var unit = new ConvolutionNorm(new ConvolutionPlan("conv1", "bn1", 1, 1, Kernel: 1), initialization, scale: 1);
        Tensor images = Waves(Images, 1, 1, 1);
        for (int step = 0; step < 10_000; step++)
        {
            unit.Forward(images, training: true).Dispose();
        }

        return Hash(unit.Buffers.Select(entry => entry.Tensor));
    }

    /// <summary>As on a GPU: the CPU's own pass over all parameters doesn't take memory with gaps.</summary>
    private static string Optimize(Func<OptimizedParameter[], IOptimizer> create)
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(tensor(new[] { 1f, 0, -2, 0, 3, 0 }).as_strided([3], [2]));
        using IOptimizer optimizer = create([new("weight", parameter, HasWeightDecay: true)]);
        for (int step = 0; step < 12_000; step++)
        {
            using var stepScope = NewDisposeScope();
            parameter.grad = tensor(new[] { 0.001f * step, -1, 0.5f });
            GradientClipping.Apply([parameter], maximumNorm: 0.7);
            optimizer.Step(0.01);
        }

        return StormTasks.Hash(parameter.detach().contiguous().bytes.ToArray());
    }

    private static string MixedLosses()
    {
        using var scope = NewDisposeScope();
        using var loss = new TrainingLoss(labelSmoothing: 0.1, tensor(new[] { 1f, 2f, 3f }).DetachFromDisposeScope());
        Tensor logits = Waves(Images, Classes), labels = tensor(new long[] { 0, 2 }), weights = tensor(new[] { 1f, 0.5f });
        var batch = new TrainingBatch(logits, labels, weights, new MixedLabels(tensor(new long[] { 1, 1 }), tensor(new[] { 0.7f, 0.4f })));
        float sum = 0;
        for (int i = 0; i < 3000; i++)
        {
            using var stepScope = NewDisposeScope();
            sum += loss.Mean(logits, batch).item<float>();
        }

        return StormTasks.Hash(BitConverter.GetBytes(sum));
    }

    private static string FitClassifiers()
    {
        using var scope = NewDisposeScope();
        List<byte[]> results = [];
        for (int i = 0; i < 60; i++)
        {
            using var fitScope = NewDisposeScope();
            using var classifier = new LinearClassifier(Waves(12, 4), nn.functional.one_hot(tensor(Enumerable.Range(0, 12).Select(row => (long)row % Classes).ToArray()), Classes).to(ScalarType.Float64), ones(12, dtype: ScalarType.Float64));
            results.Add(classifier.Fit(rows: null, penalty: 1e-3, start: null).bytes.ToArray());
        }

        return StormTasks.Hash([.. results]);
    }

    private static string Hash(IEnumerable<Tensor> tensors) => StormTasks.Hash([.. tensors.Select(tensor => tensor.detach().contiguous().bytes.ToArray())]);

    private static Tensor Waves(params long[] shape)
        => tensor(Enumerable.Range(0, (int)shape.Aggregate(1L, (product, side) => product * side)).Select(i => MathF.Sin(1.7f * i)).ToArray(), shape);
}
