using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution of stored activations, with bias, residual and ReLU. Safe to use from many threads.</summary>
internal abstract unsafe class VectorConvolution : IDisposable
{
    /// <summary>The input channels whose filters are gathered at once: a cache line of the weights.</summary>
    private const int GatheredInputs = 16;

    /// <param name="storedInputs">The values of an input pixel.</param>
    /// <param name="filterLength">The weights that are kept of a filter from one input channel to one output channel.</param>
    /// <param name="bias">One for each stored output channel; this object frees it.</param>
    /// <param name="isCleared">Whether all weights are zero until they are written.</param>
    protected VectorConvolution(ConvolutionShape shape, int storedInputs, int filterLength, AlignedBuffer bias, bool isCleared)
    {
        ConvolutionShape = shape;
        StoredInputs = storedInputs;
        StoredOutputs = ConvolutionPanel.Stored(shape.OutputChannels);
        Panels = ConvolutionPanel.Of(shape, storedInputs);
        Weights = new AlignedBuffer(Panels[^1].End * filterLength, isCleared);
        Bias = bias;
    }

    /// <summary>Puts the filters from one input channel to a panel's output channels in their place.</summary>
    /// <param name="input">Counted from the panel's first input channel.</param>
    /// <param name="filters">[kernel * kernel, <see cref="MatrixKernel.Columns"/>].</param>
    protected delegate void FilterWriter(ConvolutionPanel panel, int input, double* filters);

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

    /// <summary>Writes every filter, multiplied by its output channel's factor, and zeros where there is none.</summary>
    protected void WriteFilters(FoldedConvolution folded, FilterWriter write)
        => Parallel.For(0, Panels.Length, panel => WriteFilters(folded, panel, write));

    /// <summary>Rounds a value of each of a panel's output channels to float32.</summary>
    protected static void Narrow(double* values, float* result)
    {
        for (int i = 0; i < MatrixKernel.Columns; i += Vector256<float>.Count)
        {
            Vector256.Narrow(Vector256.Load(values + i), Vector256.Load(values + i + Vector256<double>.Count)).Store(result + i);
        }
    }

    private void WriteFilters(FoldedConvolution folded, int panel, FilterWriter write)
    {
        const int columns = MatrixKernel.Columns;
        ConvolutionPanel read = Panels[panel];
        int taps = ConvolutionShape.Kernel * ConvolutionShape.Kernel, inputs = Math.Min(GatheredInputs, read.InputCount), filterLength = taps * columns;
        double* factors = stackalloc double[columns];
        for (int column = 0; column < columns; column++)
        {
            int output = (panel * columns) + column;
            factors[column] = output < folded.Factor.Length ? folded.Factor[output] : 0;
        }

        float* gathered = stackalloc float[inputs * filterLength];
        double* filters = stackalloc double[filterLength];
        for (int first = 0; first < read.InputCount; first += inputs)
        {
            int count = Math.Min(inputs, read.InputCount - first);
            Gather((float*)folded.Weight, panel, first, count, gathered);
            for (int input = 0; input < count; input++)
            {
                Multiply(gathered + (input * filterLength), factors, filters, filterLength);
                write(read, first + input, filters);
            }
        }
    }

    /// <summary>Copies the filters from some input channels to a panel's output channels.</summary>
    /// <param name="first">The first input channel, counted from the panel's.</param>
    /// <param name="gathered">[count, kernel * kernel, columns].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather(float* weight, int panel, int first, int count, float* gathered)
    {
        const int columns = MatrixKernel.Columns;
        int taps = ConvolutionShape.Kernel * ConvolutionShape.Kernel, step = ConvolutionShape.InputChannels / ConvolutionShape.Groups;
        new Span<float>(gathered, count * taps * columns).Clear();
        for (int column = 0; column < columns; column++)
        {
            int output = (panel * columns) + column;
            int next;
            for (int input = 0; input < count; input = next)
            {
                // Channels that lie side by side in the weight, as all of a group do.
                long from = Panels[panel].FilterAt(ConvolutionShape, output, first + input);
                next = input + 1;
                while (next < count && Panels[panel].FilterAt(ConvolutionShape, output, first + next) is var at && (from < 0 ? at < 0 : at == from + (next - input)))
                {
                    next++;
                }

                for (int tap = 0; tap < taps && from >= 0; tap++)
                {
                    float* source = weight + from + ((long)tap * step), target = gathered + (((input * taps) + tap) * columns) + column;
                    for (int i = 0; i < next - input; i++)
                    {
                        target[i * taps * columns] = source[i];
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(float* values, double* factors, double* result, int length)
    {
        for (int i = 0; i < length; i += Vector256<float>.Count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Load(values + i));
            double* factor = factors + (i % MatrixKernel.Columns);
            (lower * Vector256.Load(factor)).Store(result + i);
            (upper * Vector256.Load(factor + Vector256<double>.Count)).Store(result + i + Vector256<double>.Count);
        }
    }
}
