namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution of stored activations, with bias, residual and ReLU. Safe to use from many threads.</summary>
internal abstract unsafe class VectorConvolution : IDisposable
{
    /// <param name="storedInputs">The values of an input pixel.</param>
    /// <param name="filterLength">The weights that are kept of a filter from one input channel to one output channel.</param>
    /// <param name="bias">One for each stored output channel; this object frees it.</param>
    protected VectorConvolution(ConvolutionShape shape, int storedInputs, int filterLength, AlignedBuffer bias)
    {
        ConvolutionShape = shape;
        StoredInputs = storedInputs;
        StoredOutputs = ConvolutionPanel.Stored(shape.OutputChannels);
        Panels = ConvolutionPanel.Of(shape, storedInputs);
        Weights = new AlignedBuffer(Panels[^1].End * filterLength);
        Bias = bias;
    }

    /// <summary>Puts one filter in its place.</summary>
    /// <param name="input">Counted from the panel's first input channel.</param>
    /// <param name="column">The output channel, counted from the panel's first.</param>
    /// <param name="filter">[kernel, kernel].</param>
    protected delegate void FilterWriter(ConvolutionPanel panel, int input, int column, double* filter);

    protected ConvolutionShape ConvolutionShape { get; }

    protected ConvolutionPanel[] Panels { get; }

    /// <summary>The values of an input pixel.</summary>
    protected int StoredInputs { get; }

    /// <summary>The values of an output pixel: whole panels.</summary>
    protected int StoredOutputs { get; }

    protected AlignedBuffer Weights { get; }

    protected AlignedBuffer Bias { get; }

    /// <summary>Makes the fastest one for a convolution.</summary>
    /// <param name="storedInputs">The values of an input pixel.</param>
    public static VectorConvolution Of(FoldedConvolution folded, int storedInputs)
        => IsForWinograd(folded.Shape, storedInputs) ? new WinogradConvolution(folded, storedInputs) : new DirectConvolution(folded, storedInputs);

    /// <summary>Whether <see cref="WinogradConvolution"/> is the fastest one.</summary>
    public static bool IsForWinograd(ConvolutionShape shape, int storedInputs) => shape is { Kernel: 3, Stride: 1 } && storedInputs % MatrixKernel.Columns == 0;

    /// <summary>The shape of the output, which has no memory yet.</summary>
    public abstract Activations Shape(Activations input);

    /// <summary>The floats that each worker needs for itself.</summary>
    public abstract long ScratchLength(Activations input, int threads);

    /// <summary>The floats that all workers need together.</summary>
    public virtual long SharedScratchLength(Activations input, int threads) => 0;

    /// <summary>Computes the output.</summary>
    /// <param name="pass">Has the threads and the scratch memory.</param>
    /// <param name="residual">Has the shape of the output; no memory stands for zeros.</param>
    public abstract void Run(VectorPass pass, Activations input, Activations output, Activations residual, bool relu);

    /// <summary>Takes weights, as they change in training. For a convolution that was made without any.</summary>
    /// <param name="weight">[out, kernel, kernel, in] float32.</param>
    public abstract void Load(VectorPass pass, float* weight);

    public void Dispose()
    {
        Weights.Dispose();
        Bias.Dispose();
    }

    /// <summary>Writes every filter, multiplied by its output channel's factor. What no filter covers stays zero.</summary>
    protected void WriteFilters(FoldedConvolution folded, FilterWriter write)
    {
        int taps = ConvolutionShape.Kernel * ConvolutionShape.Kernel, step = ConvolutionShape.InputChannels / ConvolutionShape.Groups;
        Parallel.For(0, Panels.Length, panel =>
        {
            double* filter = stackalloc double[taps];
            for (int input = 0; input < Panels[panel].InputCount; input++)
            {
                for (int column = 0; column < MatrixKernel.Columns; column++)
                {
                    int output = (panel * MatrixKernel.Columns) + column;
                    long first = Panels[panel].FilterAt(ConvolutionShape, output, input);
                    if (first >= 0)
                    {
                        for (int tap = 0; tap < taps; tap++)
                        {
                            filter[tap] = folded.Weight[first + ((long)tap * step)] * folded.Factor[output];
                        }

                        write(Panels[panel], input, column, filter);
                    }
                }
            }
        });
    }
}
