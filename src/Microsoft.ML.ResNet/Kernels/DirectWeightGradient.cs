using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The gradient of the weights of any convolution: the product of the gradients of all pixels of output with the input that they read, a row
/// of the kernel at a time, which lies in one piece.
/// </summary>
/// <remarks>Pixels are divided into as many parts as there are threads, each with sums of its own, which are added in order: the same number of
/// threads gives the same bits.</remarks>
internal sealed unsafe class DirectWeightGradient(ConvolutionShape shape)
{
    /// <summary>What is read behind the end of the input, and not used.</summary>
    public const int Slack = MatrixKernel.Columns;

    private const int BlockPixels = 96, Panel = MatrixKernel.Columns, SumsOfPanels = Panel * Panel, PanelsAtOnce = 2;

    private readonly int _outputs = shape.OutputChannels;

    /// <summary>The values of a row of the kernel.</summary>
    private readonly int _rowLength = shape.Kernel * shape.InputChannels;

    /// <summary>Those that sums are kept for: whole panels.</summary>
    private readonly int _storedRowLength = ConvolutionPanel.Stored(shape.Kernel * shape.InputChannels);

    private int Kernel => shape.Kernel;

    private int Stride => shape.Stride;

    private int Padding => shape.Kernel / 2;

    /// <summary>A block's gradients, and its values of the panels that are multiplied at once.</summary>
    public long ScratchLength => (long)BlockPixels * (_outputs + (PanelsAtOnce * Panel));

    private long SumLength => (long)_outputs * shape.Kernel * _storedRowLength;

    public long SharedScratchLength(Activations input, int threads) => (SumLength * VectorPass.PartsOf(threads)) + (Padding == 0 ? 0 : Padded(input).Length + Slack);

    /// <param name="gradient">[out, kernel, kernel, in] float32, overwritten.</param>
    public void Run(VectorPass pass, Activations input, Activations outputGradient, float* gradient)
    {
        Activations source = input;
        if (Padding > 0)
        {
            source = Padded(input) with { Data = (nint)(pass.Shared + (SumLength * pass.Parts)) };
            DirectConvolution.Pad(pass, input, source, Padding);
        }

        pass.Run(new SummingWork(this, pass, source, outputGradient), pass.Parts);
        pass.Run(new FinishingWork(this, pass, gradient), _outputs);
    }

    private Activations Padded(Activations input) => input with { Height = input.Height + (2 * Padding), Width = input.Width + (2 * Padding) };

    private sealed class SummingWork(DirectWeightGradient owner, VectorPass pass, Activations source, Activations outputGradient) : LaneWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            float* sums = pass.Shared + (item * owner.SumLength);
            new Span<float>(sums, checked((int)owner.SumLength)).Clear();
            long pixels = (long)outputGradient.Count * outputGradient.Height * outputGradient.Width;
            int first = (int)(pixels * item / pass.Parts), end = (int)(pixels * (item + 1) / pass.Parts);
            nint* offsets = stackalloc nint[BlockPixels];
            for (int start = first; start < end; start += BlockPixels)
            {
                int count = Math.Min(BlockPixels, end - start);
                Locate(start, count, offsets);
                Multiply<T>(outputGradient.Pointer + ((nint)start * owner._outputs), offsets, count, sums, pass.Scratch(worker));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Locate(int first, int count, nint* offsets)
        {
            int width = outputGradient.Width, inImage = outputGradient.Height * width, stride = owner.Stride;
            for (int i = 0; i < count; i++)
            {
                int pixel = first + i, image = pixel / inImage, y = pixel % inImage / width, x = pixel % width;
                offsets[i] = ((((nint)image * source.Height) + (y * stride)) * source.Width + (x * stride)) * source.Channels;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Multiply<T>(float* gradients, nint* offsets, int count, float* sums, float* packed)
            where T : unmanaged, ILanes<T>
        {
            // Panels in one piece: the kernel reads both operands one line after the other.
            int outputs = owner._outputs, outputPanels = outputs / Panel;
            const nint panelLength = BlockPixels * Panel;
            float* values = packed + (BlockPixels * (nint)outputs);
            for (int panel = 0; panel < outputPanels; panel++)
            {
                ElementKernel.CopySixteens<T>(gradients + (panel * Panel), outputs, count, packed + (panel * panelLength));
            }

            for (int row = 0; row < owner.Kernel; row++)
            {
                float* origin = source.Pointer + ((nint)row * source.Width * source.Channels);
                for (nint column = 0; column < owner._storedRowLength; column += PanelsAtOnce * Panel)
                {
                    int panels = (int)Math.Min(PanelsAtOnce, (owner._storedRowLength - column) / Panel);
                    for (int i = 0; i < panels; i++)
                    {
                        ElementKernel.CopySixteens<T>(origin + column + (i * Panel), offsets, count, values + (i * panelLength));
                    }

                    var columns = new MatrixKernel.Panels(values, panelLength, panels);
                    for (int panel = 0; panel < outputPanels; panel++, sums += SumsOfPanels)
                    {
                        MatrixKernel.AccumulatePanels(packed + (panel * panelLength), columns, count, sums, (nint)outputPanels * SumsOfPanels);
                    }

                    sums += (panels - 1) * (nint)outputPanels * SumsOfPanels;
                }
            }
        }
    }

    /// <summary>Adds the parts' sums for one output channel, and leaves out what fills panels.</summary>
    private sealed class FinishingWork(DirectWeightGradient owner, VectorPass pass, float* gradient) : LaneWork
    {
        private readonly nint _gradient = (nint)gradient;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            // Sixteen channels of output lie together for each sixteen values of a kernel's row.
            nint step = (nint)owner._outputs * Panel;
            float* sums = pass.Shared + (item / Panel * SumsOfPanels) + (item % Panel * Panel);
            float* target = (float*)_gradient + ((nint)item * owner.Kernel * owner._rowLength);
            for (int row = 0; row < owner.Kernel; row++, target += owner._rowLength)
            {
                for (int column = 0; column < owner._storedRowLength; column += Panel, sums += step)
                {
                    for (int part = 1; part < pass.Parts; part++)
                    {
                        ElementKernel.Add<T>(sums, sums + (part * owner.SumLength), Panel);
                    }

                    int count = Math.Min(Panel, owner._rowLength - column);
                    new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(target + column, count));
                }
            }
        }
    }
}
