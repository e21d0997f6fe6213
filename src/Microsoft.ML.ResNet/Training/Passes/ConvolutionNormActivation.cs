using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// A convolution, the batch normalisation after it, and the sum and ReLU after that, forward and backward, with what the one keeps for
/// the other. Parameters, their gradients and the running statistics are the network's own tensors.
/// </summary>
internal sealed unsafe class ConvolutionNormActivation : IDisposable
{
    // PyTorch's default, as in ConvolutionNorm.
    private const double Momentum = 0.1;

    private readonly ConvolutionPlan _plan;
    private readonly TrainedConvolution _convolution;
    private readonly Parameter _weight;
    private readonly Parameter _scale;
    private readonly Parameter _shift;
    private readonly Tensor _runningMean;
    private readonly Tensor _runningVariance;
    private readonly Tensor _batchCount;
    private readonly Tensor _weightGradient;
    private readonly Tensor _weightGradientMemory;
    private readonly Tensor _scaleGradient;
    private readonly Tensor _shiftGradient;
    private readonly AlignedBuffer _coefficients;
    private readonly double[] _mean;
    private readonly double[] _variance;
    private readonly double[] _inverse;
    private readonly double[] _sums;
    private readonly double[] _products;
    private readonly bool _relu;
    private readonly RankGroup? _ranks;
    private double _count;
    private readonly GrowingBuffer _convolved = new();
    private readonly GrowingBuffer _result = new();

    /// <param name="state">The network's parameters and buffers by name.</param>
    /// <param name="relu">Whether a ReLU ends it.</param>
    /// <param name="ranks">Those whose batches the normalisation takes together; null: this one's alone.</param>
    public ConvolutionNormActivation(ConvolutionPlan plan, IReadOnlyDictionary<string, Tensor> state, bool relu, bool wantsInputGradient, RankGroup? ranks = null)
    {
        _ranks = ranks;
        _plan = plan;
        _relu = relu;
        _weight = (Parameter)state[$"{plan.Name}.weight"];
        _scale = (Parameter)state[$"{plan.NormName}.weight"];
        _shift = (Parameter)state[$"{plan.NormName}.bias"];
        _runningMean = state[$"{plan.NormName}.running_mean"];
        _runningVariance = state[$"{plan.NormName}.running_var"];
        _batchCount = state[$"{plan.NormName}.num_batches_tracked"];
        int channels = plan.OutputChannels;
        _mean = new double[channels];
        _variance = new double[channels];
        _inverse = new double[channels];
        _sums = new double[channels];
        _products = new double[channels];
        _coefficients = new AlignedBuffer(3L * channels);
        _convolution = new TrainedConvolution(plan, wantsInputGradient);
        using var scope = NewDisposeScope();
        _weightGradientMemory = empty(channels, plan.Kernel, plan.Kernel, plan.InputChannels).DetachFromDisposeScope();
        _weightGradient = _weightGradientMemory.permute(0, 3, 1, 2).DetachFromDisposeScope();
        _scaleGradient = empty(channels).DetachFromDisposeScope();
        _shiftGradient = empty(channels).DetachFromDisposeScope();
    }

    /// <summary>What it gave last, and the shape of it.</summary>
    public Activations Result { get; private set; }

    private Activations Convolved { get; set; }

    private Activations Input { get; set; }

    /// <summary>Settles shapes and memory for a batch, and says what it needs of shared memory.</summary>
    public (long Scratch, long Shared) Prepare(Activations input, int threads)
    {
        Activations shape = _convolution.Shape(input);
        Convolved = shape with { Data = _convolved.For(shape.Length) };
        Result = shape with { Data = _result.For(shape.Length) };
        return (_convolution.ScratchLength(input, threads), _convolution.SharedScratchLength(input, threads));
    }

    /// <param name="residual">Added before the ReLU; no memory stands for zeros.</param>
    /// <param name="usesRunningStatistics">Whether the normalisation is by the running statistics, which stay as they are.</param>
    public Activations Forward(VectorPass pass, Activations input, Activations residual, bool usesRunningStatistics)
    {
        Input = input;
        using (var scope = NewDisposeScope())
        {
            // The layout of the parameter: no copy is made.
            _convolution.Load(pass, TensorMemory.Floats(_weight.permute(0, 2, 3, 1).contiguous()));
        }

        _convolution.Forward(pass, input, Convolved);
        Normalize(pass, usesRunningStatistics);
        float* factors = _coefficients.Pointer, offsets = factors + _mean.Length;
        ReadOnlySpan<float> scale = TensorMemory.Values(_scale), shift = TensorMemory.Values(_shift);
        for (int channel = 0; channel < _mean.Length; channel++)
        {
            _inverse[channel] = 1 / Math.Sqrt(_variance[channel] + ConvolutionNorm.Epsilon);
            factors[channel] = (float)(scale[channel] * _inverse[channel]);
            offsets[channel] = (float)(shift[channel] - (_mean[channel] * scale[channel] * _inverse[channel]));
        }

        Normalization.Apply(pass, Convolved, Result, residual, factors, offsets, _relu);
        return Result;
    }

    /// <summary>
    /// Computes the gradients of the parameters and, in <paramref name="convolvedGradient"/>, of what the convolution gave. What comes in
    /// is set to zero where the ReLU did, and is then the gradient of the residual.
    /// </summary>
    /// <param name="gradient">Of the result.</param>
    /// <param name="convolvedGradient">May be the same memory.</param>
    public void Backward(VectorPass pass, Activations gradient, Activations convolvedGradient, bool usesRunningStatistics)
    {
        int channels = _mean.Length;
        float* means = _coefficients.Pointer;
        for (int channel = 0; channel < channels; channel++)
        {
            means[channel] = (float)_mean[channel];
        }

        Normalization.GradientSums(pass, gradient, _relu ? Result : default, Convolved, means, _sums, _products);
        double count = usesRunningStatistics ? double.PositiveInfinity : _count;
        (double[] sums, double[] products) = usesRunningStatistics || _ranks is null ? (_sums, _products) : CombinedGradientSums(_ranks);
        ReadOnlySpan<float> scale = TensorMemory.Values(_scale);
        Span<float> scaleGradient = TensorMemory.Values(_scaleGradient), shiftGradient = TensorMemory.Values(_shiftGradient);
        float* a = _coefficients.Pointer, b = a + channels, c = b + channels;
        for (int channel = 0; channel < channels; channel++)
        {
            // The gradient less its mean and less its part along the normalised value, which the statistics take up.
            double factor = scale[channel] * _inverse[channel], along = products[channel] * _inverse[channel] * _inverse[channel] / count;
            scaleGradient[channel] = (float)(_products[channel] * _inverse[channel]);
            shiftGradient[channel] = (float)_sums[channel];
            a[channel] = (float)factor;
            b[channel] = (float)(-factor * along);
            c[channel] = (float)(factor * ((along * _mean[channel]) - (sums[channel] / count)));
        }

        Normalization.ApplyGradient(pass, gradient, Convolved, convolvedGradient, a, b, c);
        _convolution.WeightGradient(pass, Input, convolvedGradient, TensorMemory.Floats(_weightGradientMemory));
        _weight.grad = _weightGradient;
        _scale.grad = _scaleGradient;
        _shift.grad = _shiftGradient;
    }

    /// <summary>Takes the statistics of the batches of all ranks together.</summary>
    private void CombineStatistics(RankGroup ranks)
    {
        int channels = _mean.Length;
        double[] values = new double[1 + (2 * channels)];
        values[0] = _count;
        for (int channel = 0; channel < channels; channel++)
        {
            values[1 + channel] = _count * _mean[channel];
            values[1 + channels + channel] = _count * (_variance[channel] + (_mean[channel] * _mean[channel]));
        }

        ranks.Sum(values);
        _count = values[0];
        for (int channel = 0; channel < channels; channel++)
        {
            _mean[channel] = values[1 + channel] / _count;
            _variance[channel] = Math.Max(0, (values[1 + channels + channel] / _count) - (_mean[channel] * _mean[channel]));
        }
    }

    /// <summary>The sums of all ranks that the gradient of the normalisation takes; those of the parameters stay this rank's.</summary>
    private (double[] Sums, double[] Products) CombinedGradientSums(RankGroup ranks)
    {
        double[] values = [.. _sums, .. _products];
        ranks.Sum(values);
        return (values[.._sums.Length], values[_sums.Length..]);
    }

    /// <summary>Names the parameters whose gradients <see cref="Backward"/> has computed.</summary>
    public void Tell(Action<string>? ready)
    {
        if (ready is not null)
        {
            ready($"{_plan.NormName}.bias");
            ready($"{_plan.NormName}.weight");
            ready($"{_plan.Name}.weight");
        }
    }

    /// <summary>The gradient of the input.</summary>
    public void InputGradient(VectorPass pass, Activations convolvedGradient, Activations inputGradient, Activations residual)
        => _convolution.InputGradient(pass, convolvedGradient, inputGradient, residual);

    public void Dispose()
    {
        _convolution.Dispose();
        _coefficients.Dispose();
        _convolved.Dispose();
        _result.Dispose();
        _weightGradient.Dispose();
        _weightGradientMemory.Dispose();
        _scaleGradient.Dispose();
        _shiftGradient.Dispose();
    }

    private void Normalize(VectorPass pass, bool usesRunningStatistics)
    {
        Span<float> runningMean = TensorMemory.Values(_runningMean), runningVariance = TensorMemory.Values(_runningVariance);
        if (usesRunningStatistics)
        {
            for (int channel = 0; channel < _mean.Length; channel++)
            {
                (_mean[channel], _variance[channel]) = (runningMean[channel], runningVariance[channel]);
            }

            return;
        }

        Normalization.Statistics(pass, Convolved, _mean, _variance);
        _count = (double)Convolved.Count * Convolved.Height * Convolved.Width;
        if (_ranks is not null)
        {
            CombineStatistics(_ranks);
        }

        double unbiased = _count / (_count - 1);
        for (int channel = 0; channel < _mean.Length; channel++)
        {
            runningMean[channel] = (float)(((1 - Momentum) * runningMean[channel]) + (Momentum * _mean[channel]));
            runningVariance[channel] = (float)(((1 - Momentum) * runningVariance[channel]) + (Momentum * unbiased * _variance[channel]));
        }

        _batchCount.Increment();
    }
}
