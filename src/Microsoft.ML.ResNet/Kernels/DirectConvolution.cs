using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// Any convolution as a product of matrices whose rows are gathered where they lie: from the input itself for 1x1 kernels, else from a copy
/// of it with zeros around, so that no row asks whether a pixel is inside.
/// </summary>
internal sealed unsafe class DirectConvolution : VectorConvolution
{
    public DirectConvolution(FoldedConvolution folded, int storedInputs)
        : this(folded.Shape, storedInputs, folded.StoredBias(), isCleared: false)
    {
        WriteFilters(folded, (panel, input, filters) =>
        {
            float* first = Weights.Pointer + (panel.Start * Taps) + ((long)input * MatrixKernel.Columns);
            for (int tap = 0; tap < Taps; tap++)
            {
                Narrow(filters + (tap * MatrixKernel.Columns), first + ((long)tap * panel.InputCount * MatrixKernel.Columns));
            }
        });
    }

    private DirectConvolution(ConvolutionShape shape, int storedInputs, AlignedBuffer bias, bool isCleared)
        : base(shape, storedInputs, shape.Kernel * shape.Kernel, bias, isCleared)
    {
    }

    /// <summary>A convolution that has no weights yet, and no bias. Its output channels fill whole panels.</summary>
    public static DirectConvolution Unloaded(ConvolutionShape shape) => new(shape, shape.InputChannels, new AlignedBuffer(shape.OutputChannels), isCleared: true);

    private int Padding => ConvolutionShape.Kernel / 2;

    private int Taps => ConvolutionShape.Kernel * ConvolutionShape.Kernel;

    public override Activations Shape(Activations input) => input with
    {
        Data = 0,
        Height = (input.Height + ConvolutionShape.Stride - 1) / ConvolutionShape.Stride,
        Width = (input.Width + ConvolutionShape.Stride - 1) / ConvolutionShape.Stride,
        Channels = StoredOutputs,
    };

    public override long ScratchLength(Activations input, int threads) => 0;

    public override long SharedScratchLength(Activations input, int threads) => Padding == 0 ? 0 : Padded(input).Length;

    public override void Run(VectorPass pass, Activations input, Activations output, Activations residual, bool relu)
    {
        Activations padded = input;
        if (Padding > 0)
        {
            padded = Padded(input) with { Data = (nint)pass.Shared };
            Pad(pass, input, padded, Padding);
        }

        var division = new Division(output.Count * output.Height * output.Width, Panels.Length, pass.Threads);
        pass.Run(new Work(this, division, padded, output, residual, relu), division.Blocks * division.PanelGroups);
    }

    public override void Load(VectorPass pass, float* weight) => pass.Run(new LoadingWork(this, weight), Panels.Length);

    /// <summary>Copies activations with zeros around them.</summary>
    public static void Pad(VectorPass pass, Activations input, Activations padded, int padding)
        => pass.Run(new PaddingWork(input, padded, padding), input.Count * padded.Height);

    private Activations Padded(Activations input) => input with { Height = input.Height + (2 * Padding), Width = input.Width + (2 * Padding) };

    private sealed class LoadingWork(DirectConvolution owner, float* weight) : IParallelWork
    {
        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int values = owner.ConvolutionShape.Kernel * owner.ConvolutionShape.Kernel * owner.StoredInputs;
            float* target = owner.Weights.Pointer + (owner.Panels[item].Start * owner.Taps);
            for (int column = 0; column < MatrixKernel.Columns; column++)
            {
                float* source = (float*)_weight + ((nint)((item * MatrixKernel.Columns) + column) * values);
                for (int i = 0; i < values; i++)
                {
                    target[(i * MatrixKernel.Columns) + column] = source[i];
                }
            }
        }
    }

    /// <summary>How output pixels and channels are divided into items.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly struct Division
    {
        /// <summary>The pixels of a block: few enough that their input stays in a core's cache while all channels are computed.</summary>
        public const int LargestBlock = 48;

        public Division(int pixels, int panels, int threads)
        {
            Pixels = pixels;
            BlockPixels = Math.Min(LargestBlock, pixels);
            Blocks = (pixels + BlockPixels - 1) / BlockPixels;
            int atOnce = MatrixKernel.PanelsAtOnce, groups = Blocks >= 4 * threads ? 1 : Math.Min(threads, (panels + atOnce - 1) / atOnce);
            GroupPanels = (((panels + groups - 1) / groups) + atOnce - 1) / atOnce * atOnce;
            PanelGroups = (panels + GroupPanels - 1) / GroupPanels;
        }

        public int Pixels { get; }

        public int Blocks { get; }

        public int BlockPixels { get; }

        public int PanelGroups { get; }

        public int GroupPanels { get; }
    }

    private sealed class Work(DirectConvolution owner, Division division, Activations input, Activations output, Activations residual, bool relu) : IParallelWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int block = item / division.PanelGroups, group = item % division.PanelGroups;
            int first = block * division.BlockPixels, count = Math.Min(division.BlockPixels, division.Pixels - first);
            nint* sources = stackalloc nint[Division.LargestBlock + MatrixKernel.Rows];
            nint* targets = stackalloc nint[Division.LargestBlock + MatrixKernel.Rows];
            Locate(first, count, sources, targets);
            int end = Math.Min((group + 1) * division.GroupPanels, owner.Panels.Length);
            for (int panel = group * division.GroupPanels; panel < end;)
            {
                int panels = ConvolutionPanel.CountAlike(owner.Panels, panel, end);
                Multiply(panel, panels, count, sources, targets);
                panel += panels;
            }
        }

        /// <summary>The offsets of each pixel's first input and of its output. What is missing to whole calls of the kernel repeats the last one.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Locate(int first, int count, nint* sources, nint* targets)
        {
            int filled = (count + MatrixKernel.Rows - 1) / MatrixKernel.Rows * MatrixKernel.Rows, inImage = output.Height * output.Width;
            for (int i = 0; i < filled; i++)
            {
                int pixel = first + Math.Min(i, count - 1);
                int image = pixel / inImage, position = pixel % inImage;
                int y = position / output.Width * owner.ConvolutionShape.Stride, x = position % output.Width * owner.ConvolutionShape.Stride;
                sources[i] = ((((nint)image * input.Height) + y) * input.Width + x) * input.Channels;
                targets[i] = (nint)pixel * output.Channels;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Multiply(int panel, int panels, int count, nint* sources, nint* targets)
        {
            ConvolutionPanel read = owner.Panels[panel];
            int kernel = owner.ConvolutionShape.Kernel, channel = panel * MatrixKernel.Columns;

            // A row of the kernel lies in one piece where all channels are read.
            bool isWhole = read.InputCount == input.Channels;
            int segmentCount = isWhole ? kernel : kernel * kernel;
            nint* segments = stackalloc nint[segmentCount];
            for (int i = 0; i < segmentCount; i++)
            {
                int y = isWhole ? i : i / kernel, x = isWhole ? 0 : i % kernel;
                segments[i] = ((((nint)y * input.Width) + x) * input.Channels) + read.FirstInput;
            }

            nint length = isWhole ? kernel * read.InputCount : read.InputCount;
            float* added = residual.Data == 0 ? null : residual.Pointer + channel;
            MatrixKernel.Multiply(
                input.Pointer,
                sources,
                targets,
                count,
                segments,
                segmentCount,
                length,
                new MatrixKernel.Panels(owner.Weights.Pointer + (read.Start * owner.Taps), (nint)read.InputCount * MatrixKernel.Columns * owner.Taps, panels) { AreFirst = panel == 0 },
                new MatrixKernel.Epilogue(output.Pointer + channel, owner.Bias.Pointer + channel, added, relu));
        }
    }

    /// <summary>Copies a row, with zeros around.</summary>
    private sealed class PaddingWork(Activations input, Activations padded, int padding) : IParallelWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int image = item / padded.Height, y = (item % padded.Height) - padding;
            nint length = (nint)padded.Width * padded.Channels;
            var row = new Span<float>(padded.Pointer + (item * length), (int)length);
            if ((uint)y >= (uint)input.Height)
            {
                row.Clear();
                return;
            }

            int border = padding * input.Channels, inner = input.Width * input.Channels;
            row[..border].Clear();
            new ReadOnlySpan<float>(input.Pointer + ((((nint)image * input.Height) + y) * inner), inner).CopyTo(row[border..]);
            row[(border + inner)..].Clear();
        }
    }
}
