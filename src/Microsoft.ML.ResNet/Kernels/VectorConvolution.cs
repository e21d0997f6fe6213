namespace Microsoft.ML.ResNet.Kernels;

/// <summary>A convolution of stored activations, with bias, residual and ReLU. Safe to use from many threads.</summary>
internal abstract class VectorConvolution : IDisposable
{
    /// <summary>Makes the fastest one for a convolution.</summary>
    /// <param name="storedInputs">The values of an input pixel.</param>
    public static VectorConvolution Of(FoldedConvolution folded, int storedInputs)
        => folded.Shape is { Kernel: 3, Stride: 1 } && storedInputs % MatrixKernel.Columns == 0
            ? new WinogradConvolution(folded, storedInputs)
            : new DirectConvolution(folded, storedInputs);

    /// <summary>The shape of the output, which has no memory yet.</summary>
    public abstract Activations Shape(Activations input);

    /// <summary>The floats that each worker needs for itself.</summary>
    public abstract long ScratchLength(Activations input, int threads);

    /// <summary>The floats that all workers need together.</summary>
    public virtual long SharedScratchLength(Activations input) => 0;

    /// <summary>Computes the output.</summary>
    /// <param name="pass">Has the threads and the scratch memory.</param>
    /// <param name="residual">Has the shape of the output; no memory stands for zeros.</param>
    public abstract void Run(VectorPass pass, Activations input, Activations output, Activations residual, bool relu);

    public abstract void Dispose();
}
