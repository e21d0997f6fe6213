
namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution as it is trained: forward, and the gradients of its weights and of its input.</summary>
internal sealed unsafe class TrainedConvolution : IDisposable
{
    private readonly VectorConvolution _convolution;
    private readonly WinogradConvolution? _winogradGradient;
    private readonly WinogradWeightGradient? _winogradWeights;
    private readonly InputGradient? _directGradient;
    private readonly DirectWeightGradient? _directWeights;

    /// <param name="shape">Without groups; the output channels fill whole panels.</param>
    /// <param name="wantsInputGradient">Not for the first convolution.</param>
    public TrainedConvolution(ConvolutionShape shape, bool wantsInputGradient)
    {
        if (VectorConvolution.IsForWinograd(shape, shape.InputChannels))
        {
            _convolution = WinogradConvolution.Unloaded(shape);
            _winogradWeights = new WinogradWeightGradient(shape);
            _winogradGradient = wantsInputGradient
                ? WinogradConvolution.Unloaded(shape with { InputChannels = shape.OutputChannels, OutputChannels = shape.InputChannels })
                : null;
        }
        else
        {
            _convolution = DirectConvolution.Unloaded(shape);
            _directWeights = new DirectWeightGradient(shape);
            _directGradient = wantsInputGradient ? new InputGradient(shape) : null;
        }
    }

    public Activations Shape(Activations input) => _convolution.Shape(input);

    public long ScratchLength(Activations input, int threads)
    {
        long length = _convolution.ScratchLength(input, threads);
        length = Math.Max(length, _winogradWeights?.ScratchLength ?? _directWeights!.ScratchLength);
        return _winogradGradient is null ? length : Math.Max(length, _winogradGradient.ScratchLength(Shape(input), threads));
    }

    public long SharedScratchLength(Activations input, int threads)
    {
        Activations output = Shape(input);
        long length = Math.Max(_convolution.SharedScratchLength(input, threads), Normalization.SharedScratchLength(output));
        length = Math.Max(length, _winogradWeights?.SharedScratchLength(threads) ?? _directWeights!.SharedScratchLength(input, threads));
        return Math.Max(length, _winogradGradient?.SharedScratchLength(output, threads) ?? _directGradient?.SharedScratchLength(output) ?? 0);
    }

    /// <summary>Takes the weights of this step.</summary>
    /// <param name="weight">[out, kernel, kernel, in] float32.</param>
    public void Load(VectorPass pass, float* weight)
    {
        _convolution.Load(pass, weight);
        _winogradGradient?.LoadTransposed(pass, weight);
        _directGradient?.Load(pass, weight);
    }

    public void Forward(VectorPass pass, Activations input, Activations output) => _convolution.Run(pass, input, output, residual: default, relu: false);

    /// <param name="gradient">[out, kernel, kernel, in] float32, overwritten.</param>
    public void WeightGradient(VectorPass pass, Activations input, Activations outputGradient, float* gradient)
    {
        if (_winogradWeights is not null)
        {
            _winogradWeights.Run(pass, input, outputGradient, gradient);
        }
        else
        {
            _directWeights!.Run(pass, input, outputGradient, gradient);
        }
    }

    /// <param name="residual">Has the shape of the input; no memory stands for zeros.</param>
    public void InputGradient(VectorPass pass, Activations outputGradient, Activations inputGradient, Activations residual)
    {
        if (_winogradGradient is not null)
        {
            _winogradGradient.Run(pass, outputGradient, inputGradient, residual, relu: false);
        }
        else
        {
            _directGradient!.Run(pass, outputGradient, inputGradient, residual);
        }
    }

    public void Dispose()
    {
        _convolution.Dispose();
        _winogradGradient?.Dispose();
        _directGradient?.Dispose();
    }
}
