using Microsoft.ML.ResNet.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>A convolution without bias followed by batch normalisation: the one place where both are computed.</summary>
internal sealed class ConvolutionNorm : IShortcut
{
    /// <summary>What is added to a variance before its root is taken: PyTorch's default, which torchvision's networks are trained with.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>The share of a batch in the running statistics; PyTorch's default, too.</summary>
    public const double Momentum = 0.1;

    /// <summary>The floats of the widest vector register, AVX-512's.</summary>
    private const int WidestVector = 16;

    private readonly ConvolutionPlan _plan;
    private readonly long[] _strides;
    private readonly bool _selectsPixels;
    private readonly long[] _padding;
    private Parameter _weight;
    private Parameter _scale;
    private Parameter _shift;
    private Tensor _runningMean;
    private Tensor _runningVariance;
    private Tensor _batchCount;

    /// <summary>Allocates the tensors in the caller's dispose scope.</summary>
    /// <param name="plan">Names and sizes.</param>
    /// <param name="initialization">Draws the weight.</param>
    /// <param name="scale">The initial weight of the normalisation: 1, or 0, which makes the branch start as zero.</param>
    public ConvolutionNorm(ConvolutionPlan plan, HeInitialization initialization, float scale)
    {
        _plan = plan;
        _selectsPixels = plan is { Kernel: 1, Stride: > 1, InputChannels: < WidestVector };
        _strides = _selectsPixels ? [1, 1] : [plan.Stride, plan.Stride];
        _padding = [plan.Kernel / 2, plan.Kernel / 2];
        long[] perChannel = [plan.OutputChannels];
        _weight = TorchParameter.Create(initialization.Convolution(plan));
        _scale = TorchParameter.Create(ScalarOperations.Filled(perChannel, scale));
        _shift = TorchParameter.Create(zeros(perChannel, dtype: ScalarType.Float32, device: CPU));
        _runningMean = zeros(perChannel, dtype: ScalarType.Float32, device: CPU);
        _runningVariance = ones(perChannel, dtype: ScalarType.Float32, device: CPU);
        _batchCount = zeros([], dtype: ScalarType.Int64, device: CPU);
    }

    /// <summary>The trainable tensors, in the order of torchvision's state.</summary>
    public IEnumerable<NetworkParameter> Parameters =>
    [
        new($"{_plan.Name}.weight", _weight, ParameterKind.Weight),
        new($"{_plan.NormName}.weight", _scale, ParameterKind.Norm),
        new($"{_plan.NormName}.bias", _shift, ParameterKind.Norm),
    ];

    /// <summary>The running statistics and the batch counter, in the order of torchvision's state, where they follow the parameters.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Buffers =>
    [
        ($"{_plan.NormName}.running_mean", _runningMean),
        ($"{_plan.NormName}.running_var", _runningVariance),
        ($"{_plan.NormName}.num_batches_tracked", _batchCount),
    ];

    /// <summary>Takes the owner's tensors under this unit's names: moving a module makes new ones.</summary>
    public void Rebind(nn.Module owner)
    {
        _weight = owner.get_parameter($"{_plan.Name}.weight")!;
        _scale = owner.get_parameter($"{_plan.NormName}.weight")!;
        _shift = owner.get_parameter($"{_plan.NormName}.bias")!;
        _runningMean = owner.get_buffer($"{_plan.NormName}.running_mean")!;
        _runningVariance = owner.get_buffer($"{_plan.NormName}.running_var")!;
        _batchCount = owner.get_buffer($"{_plan.NormName}.num_batches_tracked")!;
    }

    /// <summary>
    /// Convolves and normalises: with the batch's statistics in training, which the running ones then follow, else with the running ones.
    /// </summary>
    public Tensor Forward(Tensor input, bool training)
    {
        if (training)
        {
            _batchCount.Increment();
        }

        using Tensor convolved = Convolve(input);
        return nn.functional.batch_norm(convolved, _runningMean, _runningVariance, _scale, _shift, training, Momentum, Epsilon);
    }

    /// <summary>
    /// Convolves. oneDNN, in libtorch 2.10, writes past its memory for the weight gradient of a 1x1 convolution with a stride whose float32
    /// input, in channels-last layout, has fewer channels than a vector register has floats (uxlfoundation/oneDNN issue 6035). The pixels that
    /// the stride keeps are therefore selected first, which is the same convolution with a stride of 1.
    /// </summary>
    private Tensor Convolve(Tensor input)
    {
        if (!_selectsPixels)
        {
            return ConvolveAll(input);
        }

        using Tensor rows = input.slice(2, 0, long.MaxValue, _plan.Stride);
        using Tensor pixels = rows.slice(3, 0, long.MaxValue, _plan.Stride);
        using Tensor selected = ChannelsLast.Copy(pixels);
        return ConvolveAll(selected);
    }

    /// <summary>In the type of the input; the weight keeps its own.</summary>
    private Tensor ConvolveAll(Tensor input)
    {
        if (input.dtype == _weight.dtype)
        {
            return nn.functional.conv2d(input, _weight, null, _strides, _padding, groups: _plan.Groups);
        }

        if (Math.Min(input.shape[2], input.shape[3]) <= _plan.Kernel / 2)
        {
            // Some taps of the kernel meet no pixel. On processors without instructions for bfloat16, oneDNN leaves their gradients as the
            // memory was.
            using Tensor wide = input.to(_weight.dtype);
            using Tensor convolved = nn.functional.conv2d(wide, _weight, null, _strides, _padding, groups: _plan.Groups);
            return convolved.to(input.dtype);
        }

        using Tensor weight = _weight.to(input.dtype);
        return nn.functional.conv2d(input, weight, null, _strides, _padding, groups: _plan.Groups);
    }
}
