using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>One convolution on this library's kernels, with its memory.</summary>
internal sealed unsafe class KernelLayer : IDisposable
{
    private readonly List<AlignedBuffer> _buffers = [];
    private readonly TrainedConvolution _convolution;
    private readonly VectorPass _pass;
    private readonly Activations _input;
    private readonly Activations _inputGradient;
    private readonly Activations _output;
    private readonly Activations _outputGradient;
    private readonly Activations _pooled;
    private readonly nint _weightGradient;
    private readonly nint _scale;
    private readonly nint _shift;

    public KernelLayer(ConvolutionShape shape, int count, int side)
    {
        _convolution = new TrainedConvolution(shape, wantsInputGradient: true);
        var input = new Activations(0, count, side, side, shape.InputChannels);
        _input = Filled(input);
        _inputGradient = Filled(input);
        _output = Filled(_convolution.Shape(input));
        _outputGradient = Filled(_convolution.Shape(input));
        long weights = (long)shape.OutputChannels * shape.Kernel * shape.Kernel * shape.InputChannels;
        _weightGradient = (nint)Values(weights);
        _pooled = Filled(Pooling.Maximum.Shape(_convolution.Shape(input)));
        (_scale, _shift) = ((nint)Values(_output.Channels), (nint)Values(_output.Channels));
        int threads = KernelThreads.Count;
        _pass = new VectorPass(threads, _convolution.ScratchLength(input, threads), _convolution.SharedScratchLength(input, threads));
        float* weight = Values(weights);
        Run(() => _convolution.Load(_pass, weight));
    }

    public void Forward() => Run(() => _convolution.Forward(_pass, _input, _output));

    public void WeightGradient() => Run(() => _convolution.WeightGradient(_pass, _input, _outputGradient, (float*)_weightGradient));

    public void InputGradient() => Run(() => _convolution.InputGradient(_pass, _outputGradient, _inputGradient, residual: default));

    /// <summary>Batch normalisation of the output, as in training: statistics, then scale, shift and ReLU.</summary>
    public void Normalize() => Run(() =>
    {
        Span<double> mean = new double[_output.Channels], variance = new double[_output.Channels];
        Normalization.Statistics(_pass, _output, mean, variance);
        Normalization.Apply(_pass, _output, _outputGradient, residual: default, (float*)_scale, (float*)_shift, relu: true);
    });

    /// <summary>3x3 maximum pooling of the output, stride 2.</summary>
    public void Pool() => Run(() =>
    {
        var work = new Pooling.Maximum(_output, _pooled);
        _pass.Run(work, work.ItemCount);
    });

    public void Dispose()
    {
        _pass.Dispose();
        _convolution.Dispose();
        _buffers.ForEach(buffer => buffer.Dispose());
    }

    private void Run(Action run)
    {
        _pass.Begin();
        try
        {
            run();
        }
        finally
        {
            _pass.End();
        }
    }

    private Activations Filled(Activations shape) => shape with { Data = (nint)Values(shape.Length) };

    /// <summary>Values between -1 and 1: zeros and tiny numbers have a speed of their own.</summary>
    private float* Values(long length)
    {
        var buffer = new AlignedBuffer(length);
        _buffers.Add(buffer);
        var random = new Random(1);
        for (long i = 0; i < length; i++)
        {
            buffer.Pointer[i] = (2 * random.NextSingle()) - 1;
        }

        return buffer.Pointer;
    }
}
