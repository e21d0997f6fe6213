using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>Every kernel of convolutions beside a plain loop, on sizes drawn at random, in buffers that end before a page that may not be touched.</summary>
[TestClass]
[DoNotParallelize]
public sealed unsafe class ConvolutionKernelTests
{
    private const int Cases = 200;

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestMethod]
    public void DirectConvolution_RandomShapes_EqualsThePlainLoop() => Each(Cases, item =>
    {
        int kernel = (2 * item.Next(0, item.Next(0, 3))) + 1, stride = item.Next(1, 2), groups = item.Coin() ? 1 : item.Next(1, 5);
        int inputs = groups * item.Next(1, 24 / groups), outputs = groups * item.Next(1, 40 / groups);
        bool isStem = groups == 1 && item.Coin();
        ConvolutionShape shape = KernelCase.Shape(inputs, outputs, kernel, stride, groups);
        AssertFolded(item, shape, isStem ? inputs : ConvolutionPanel.Stored(inputs), (folded, stored) => new DirectConvolution(folded, stored));
    });

    [TestMethod]
    public void WinogradConvolution_RandomShapes_EqualsThePlainLoop() => Each(Cases, item =>
    {
        int groups = item.Coin() ? 1 : item.Next(1, 5);
        ConvolutionShape shape = KernelCase.Shape(groups * item.Next(1, 24 / groups), groups * item.Next(1, 40 / groups), kernel: 3, groups: groups);
        AssertFolded(item, shape, ConvolutionPanel.Stored(shape.InputChannels), (folded, stored) => new WinogradConvolution(folded, stored));
    });

    [TestMethod]
    public void DirectConvolution_LoadedWeights_EqualsThePlainLoop() => Each(Cases, item =>
    {
        int kernel = (2 * item.Next(0, item.Next(0, 3))) + 1;
        ConvolutionShape shape = KernelCase.Shape(item.Next(1, 20), item.Panels(), kernel, item.Next(1, 2));
        AssertLoaded(item, shape, DirectConvolution.Unloaded, (pass, convolution, weight) => ((DirectConvolution)convolution).Load(pass, weight));
    });

    [TestMethod]
    public void WinogradConvolution_LoadedWeights_EqualsThePlainLoop() => Each(Cases, item =>
    {
        ConvolutionShape shape = KernelCase.Shape(item.Panels(), item.Panels(), kernel: 3);
        AssertLoaded(item, shape, WinogradConvolution.Unloaded, (pass, convolution, weight) => ((WinogradConvolution)convolution).Load(pass, weight));
    });

    [TestMethod]
    public void InputGradient_RandomShapes_EqualsThePlainLoop() => Each(Cases, item =>
    {
        ConvolutionShape shape = KernelCase.Shape(item.Panels(), item.Panels(), (2 * item.Next(0, item.Next(0, 2))) + 1, item.Next(1, 2));
        using var buffers = new KernelBuffers(item.Random);
        using var kernel = new InputGradient(shape);
        AssertInputGradient(item, buffers, shape, kernel.SharedScratchLength, (pass, weight, gradient, target, residual) =>
        {
            kernel.Load(pass, weight);
            kernel.Run(pass, gradient, target, residual);
        });
    });

    [TestMethod]
    public void WinogradConvolution_TransposedWeights_GivesTheGradientOfTheInput() => Each(Cases, item =>
    {
        ConvolutionShape shape = KernelCase.Shape(item.Panels(), item.Panels(), kernel: 3);
        using var buffers = new KernelBuffers(item.Random);
        using var kernel = WinogradConvolution.Unloaded(shape with { InputChannels = shape.OutputChannels, OutputChannels = shape.InputChannels });
        AssertInputGradient(
            item,
            buffers,
            shape,
            gradient => kernel.SharedScratchLength(gradient, item.Threads),
            (pass, weight, gradient, target, residual) =>
            {
                kernel.LoadTransposed(pass, weight);
                kernel.Run(pass, gradient, target, residual, relu: false);
            },
            gradient => kernel.ScratchLength(gradient, item.Threads));
    });

    [TestMethod]
    public void DirectWeightGradient_RandomShapes_EqualsThePlainLoop() => Each(Cases, item =>
    {
        int kernel = (2 * item.Next(0, 3)) + 1, inputs = kernel == 1 || item.Coin() ? item.Panels() : item.Next(1, 20);
        ConvolutionShape shape = KernelCase.Shape(inputs, item.Panels(), kernel, item.Next(1, 2));
        using var buffers = new KernelBuffers(item.Random);
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, inputs, inputs);
        var gradient = new DirectWeightGradient(shape);
        AssertWeightGradient(item, buffers, shape, input, gradient.ScratchLength, gradient.SharedScratchLength(input, item.Threads), gradient.Run);
    });

    [TestMethod]
    public void WinogradWeightGradient_RandomShapes_EqualsThePlainLoop() => Each(Cases, item =>
    {
        ConvolutionShape shape = KernelCase.Shape(item.Panels(), item.Panels(), kernel: 3);
        using var buffers = new KernelBuffers(item.Random);
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, shape.InputChannels, shape.InputChannels);
        var gradient = new WinogradWeightGradient(shape);
        AssertWeightGradient(item, buffers, shape, input, gradient.ScratchLength, gradient.SharedScratchLength(item.Threads), gradient.Run);
    });

    private static void Each(int cases, Action<KernelCase> check)
    {
        for (int seed = 0; seed < cases; seed++)
        {
            check(new KernelCase(seed));
        }
    }

    private static void AssertFolded(KernelCase item, ConvolutionShape shape, int stored, Func<FoldedConvolution, int, VectorConvolution> create)
    {
        using var buffers = new KernelBuffers(item.Random);
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, shape.InputChannels, stored);
        int length = shape.OutputChannels * shape.Kernel * shape.Kernel * (shape.InputChannels / shape.Groups);
        float* weight = buffers.Values(length);
        double[] factor = [.. Enumerable.Range(0, shape.OutputChannels).Select(_ => 0.5 + item.Random.NextDouble())];
        double[] bias = [.. Enumerable.Range(0, shape.OutputChannels).Select(_ => item.Random.NextDouble() - 0.5)];
        using VectorConvolution convolution = create(new FoldedConvolution(shape, (nint)weight, factor, bias), stored);
        AssertForward(item, buffers, shape, convolution, input, new PlainConvolution(shape, weight), factor, bias, load: null);
    }

    private static void AssertLoaded(KernelCase item, ConvolutionShape shape, Func<ConvolutionShape, VectorConvolution> create, Loading load)
    {
        using var buffers = new KernelBuffers(item.Random);
        using VectorConvolution convolution = create(shape);
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, shape.InputChannels, shape.InputChannels);
        float* weight = buffers.Values((long)shape.OutputChannels * shape.Kernel * shape.Kernel * shape.InputChannels);
        double[] factor = [.. Enumerable.Repeat(1.0, shape.OutputChannels)], bias = new double[shape.OutputChannels];
        AssertForward(item, buffers, shape, convolution, input, new PlainConvolution(shape, weight), factor, bias, pass => load(pass, convolution, weight));
    }

    private static void AssertForward(
        KernelCase item, KernelBuffers buffers, ConvolutionShape shape, VectorConvolution convolution, Activations input, PlainConvolution plain, double[] factor, double[] bias, Action<VectorPass>? load)
    {
        Activations output = buffers.Empty(convolution.Shape(input));
        Activations residual = item.Coin() ? buffers.Activations(output.Count, output.Height, output.Width, shape.OutputChannels, output.Channels) : default;
        bool relu = item.Coin();
        string what = $"{shape}, {item}, residual {residual.Data != 0}, ReLU {relu}";
        Assert.AreEqual(((item.Height + shape.Stride - 1) / shape.Stride, (item.Width + shape.Stride - 1) / shape.Stride), (output.Height, output.Width), what);

        item.Run(convolution.ScratchLength(input, item.Threads), convolution.SharedScratchLength(input, item.Threads), pass =>
        {
            load?.Invoke(pass);
            convolution.Run(pass, input, output, residual, relu);
        });

        double[] expected = plain.Forward(input, output.Height, output.Width);
        for (long pixel = 0; pixel < output.Length / output.Channels; pixel++)
        {
            for (int channel = 0; channel < output.Channels; channel++)
            {
                long at = (pixel * output.Channels) + channel;
                double value = channel < shape.OutputChannels ? (expected[(pixel * shape.OutputChannels) + channel] * factor[channel]) + bias[channel] : 0;
                value += residual.Data == 0 ? 0 : residual.Pointer[at];
                AssertClose(relu ? Math.Max(value, 0) : value, output.Pointer[at], shape.InputChannels * shape.Kernel * shape.Kernel, what);
            }
        }
    }

    private static void AssertInputGradient(
        KernelCase item, KernelBuffers buffers, ConvolutionShape shape, Func<Activations, long> shared, Backward run, Func<Activations, long>? scratch = null)
    {
        float* weight = buffers.Values((long)shape.OutputChannels * shape.Kernel * shape.Kernel * shape.InputChannels);
        Activations target = buffers.Empty(item.Count, item.Height, item.Width, shape.InputChannels);
        Activations gradient = OutputGradient(item, buffers, shape);
        Activations residual = item.Coin() ? buffers.Activations(item.Count, item.Height, item.Width, shape.InputChannels, shape.InputChannels) : default;

        item.Run(scratch?.Invoke(gradient) ?? 0, shared(gradient), pass => run(pass, weight, gradient, target, residual));

        double[] expected = new PlainConvolution(shape, weight).InputGradient(target, gradient);
        for (long i = 0; i < target.Length; i++)
        {
            AssertClose(expected[i] + (residual.Data == 0 ? 0 : residual.Pointer[i]), target.Pointer[i], shape.OutputChannels * shape.Kernel * shape.Kernel, $"{shape}, {item}");
        }
    }

    private static void AssertWeightGradient(KernelCase item, KernelBuffers buffers, ConvolutionShape shape, Activations input, long scratch, long shared, WeightGradient run)
    {
        Activations gradient = OutputGradient(item, buffers, shape);
        long length = (long)shape.OutputChannels * shape.Kernel * shape.Kernel * shape.InputChannels;
        float* target = buffers.Values(length);

        item.Run(scratch, shared, pass => run(pass, input, gradient, target));

        double[] expected = new PlainConvolution(shape, null).WeightGradient(input, gradient);
        for (long i = 0; i < length; i++)
        {
            AssertClose(expected[i], target[i], gradient.Count * gradient.Height * gradient.Width, $"{shape}, {item}");
        }
    }

    private static Activations OutputGradient(KernelCase item, KernelBuffers buffers, ConvolutionShape shape)
        => buffers.Activations(item.Count, (item.Height + shape.Stride - 1) / shape.Stride, (item.Width + shape.Stride - 1) / shape.Stride, shape.OutputChannels, shape.OutputChannels);

    /// <summary>Rounding of float32, 6e-8, grows with the square root of the number of summands of at most 1; Winograd's intermediate sums are a few times as large.</summary>
    private static void AssertClose(double expected, float actual, int summands, string what)
    {
        if (!(Math.Abs(expected - actual) < 2e-6 * (1 + Math.Sqrt(summands) + Math.Abs(expected))))
        {
            Assert.Fail($"{actual}, expected {expected}: {what}");
        }
    }

    private delegate void Loading(VectorPass pass, VectorConvolution convolution, float* weight);

    private delegate void Backward(VectorPass pass, float* weight, Activations gradient, Activations target, Activations residual);

    private delegate void WeightGradient(VectorPass pass, Activations input, Activations gradient, float* target);
}
