using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// A 3x3 convolution of stride 1 by <see cref="WinogradTransform"/>: tiles of input are transformed, multiplied with transformed filters, a
/// matrix product for each of sixteen points, and transformed back.
/// </summary>
internal sealed unsafe class WinogradConvolution : VectorConvolution
{
    private const int Points = WinogradTransform.Points;

    private readonly long _pointLength;

    public WinogradConvolution(FoldedConvolution folded, int storedInputs)
        : this(folded.Shape, storedInputs, folded.StoredBias())
    {
        WriteFilters(folded, (panel, input, column, filter) =>
        {
            double* transformed = stackalloc double[Points];
            WinogradTransform.Filter(filter, transformed);
            float* first = Weights.Pointer + panel.Start + ((long)input * MatrixKernel.Columns) + column;
            for (int point = 0; point < Points; point++)
            {
                first[point * _pointLength] = (float)transformed[point];
            }
        });
    }

    private WinogradConvolution(ConvolutionShape shape, int storedInputs, AlignedBuffer bias)
        : base(shape, storedInputs, Points, bias)
    {
        _pointLength = Panels[^1].End;
    }

    /// <summary>A convolution that has no weights yet, and no bias. Its channels fill whole panels.</summary>
    public static WinogradConvolution Unloaded(ConvolutionShape shape)
        => new(shape, shape.InputChannels, new AlignedBuffer(shape.OutputChannels));

    public override Activations Shape(Activations input) => input with { Data = 0, Channels = StoredOutputs };

    public override long ScratchLength(Activations input, int threads)
    {
        // A pass that works alone divides the work otherwise.
        return Math.Max(new Division(input, Panels.Length, threads).ScratchLength(StoredInputs), new Division(input, Panels.Length, 1).ScratchLength(StoredInputs));
    }

    public override void Run(VectorPass pass, Activations input, Activations output, Activations residual, bool relu)
    {
        var division = new Division(input, Panels.Length, pass.Threads);
        pass.Run(new Work(this, pass, division, input, output, residual, relu), division.Blocks * division.PanelGroups);
    }

    public override void Load(VectorPass pass, float* weight) => pass.Run(new LoadingWork(this, weight), Panels.Length);

    /// <summary>Takes the weights of a convolution whose input's gradient this one computes from its output's.</summary>
    /// <param name="weight">[in, 3, 3, out] float32, in and out being this convolution's.</param>
    public void LoadTransposed(VectorPass pass, float* weight) => pass.Run(new TransposedLoadingWork(this, weight), Panels.Length);

    /// <summary>Transforms the tile of input that a tile of output reads, with zeros beyond the image's edge.</summary>
    /// <param name="y">The tile of output's first row.</param>
    /// <param name="x">Its first column.</param>
    /// <param name="target">The first point's values; those of the next point follow at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next: 16 where they lie side by side.</param>
    /// <param name="edge">Memory for one tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransformInput(Activations input, int image, int y, int x, float* target, nint pointStride, nint panelStride, float* edge)
    {
        const int side = WinogradTransform.InputSide;
        int top = y - 1, left = x - 1, channels = input.Channels;
        nint rowStride = (nint)input.Width * channels;
        float* origin = input.Pointer + (image * input.Height * rowStride);
        if (top >= 0 && left >= 0 && top + side <= input.Height && left + side <= input.Width)
        {
            WinogradTransform.Input(origin + (top * rowStride) + ((nint)left * channels), rowStride, channels, target, pointStride, panelStride);
            return;
        }

        for (int row = 0; row < side; row++)
        {
            for (int column = 0; column < side; column++)
            {
                var pixel = new Span<float>(edge + (((row * side) + column) * (nint)channels), channels);
                if ((uint)(top + row) < (uint)input.Height && (uint)(left + column) < (uint)input.Width)
                {
                    new ReadOnlySpan<float>(origin + ((top + row) * rowStride) + ((nint)(left + column) * channels), channels).CopyTo(pixel);
                }
                else
                {
                    pixel.Clear();
                }
            }
        }

        WinogradTransform.Input(edge, side * (nint)channels, channels, target, pointStride, panelStride);
    }

    /// <summary>How tiles and output channels are divided into items: blocks of tiles, or of channels where there are few tiles.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly struct Division
    {
        /// <summary>
        /// The tiles of a block. What is computed of a block has to stay in a core's cache; with few tiles, filters that don't fit there are
        /// read for little, so that such blocks take all channels' tiles and are divided by channels.
        /// </summary>
        private const int LargestBlock = 24, FewTiles = 160;

        public Division(Activations input, int panels, int threads)
        {
            TileRows = (input.Height + 1) / 2;
            TileColumns = (input.Width + 1) / 2;
            Tiles = input.Count * TileRows * TileColumns;
            if (Tiles <= FewTiles)
            {
                Blocks = 1;
                BlockTiles = Tiles;
                PanelGroups = Math.Min(threads, panels);
            }
            else
            {
                PanelGroups = 1;
                BlockTiles = LargestBlock;
                Blocks = (Tiles + BlockTiles - 1) / BlockTiles;
            }

            BlockRows = (BlockTiles + MatrixKernel.Rows - 1) / MatrixKernel.Rows * MatrixKernel.Rows;
            GroupPanels = (panels + PanelGroups - 1) / PanelGroups;
        }

        public int TileRows { get; }

        public int TileColumns { get; }

        public int Tiles { get; }

        public int Blocks { get; }

        public int BlockTiles { get; }

        /// <summary>The tiles of a block, filled up to whole calls of the kernel.</summary>
        public int BlockRows { get; }

        public int PanelGroups { get; }

        public int GroupPanels { get; }

        /// <summary>Transformed input, sums, and one tile at the image's edge.</summary>
        public long ScratchLength(int inputs)
            => ((long)Points * BlockRows * (inputs + (GroupPanels * MatrixKernel.Columns))) + ((long)Points * inputs);
    }

    private sealed class LoadingWork(WinogradConvolution owner, float* weight) : IParallelWork
    {
        private const int Lanes = 8;

        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int inputs = owner.StoredInputs;
            float* block = stackalloc float[Points * MatrixKernel.Columns * Lanes];
            const nint pointStride = MatrixKernel.Columns * Lanes;
            for (int input = 0; input < inputs; input += Lanes)
            {
                for (int column = 0; column < MatrixKernel.Columns; column++)
                {
                    nint output = (item * MatrixKernel.Columns) + column;
                    WinogradTransform.Filters((float*)_weight + (output * 9 * inputs) + input, inputs, isFlipped: false, block + (column * Lanes), pointStride);
                }

                for (int point = 0; point < Points; point++)
                {
                    float* source = block + (point * pointStride);
                    float* target = owner.Weights.Pointer + (point * owner._pointLength) + owner.Panels[item].Start + ((nint)input * MatrixKernel.Columns);
                    for (int lane = 0; lane < Lanes; lane++)
                    {
                        for (int column = 0; column < MatrixKernel.Columns; column++)
                        {
                            target[(lane * MatrixKernel.Columns) + column] = source[(column * Lanes) + lane];
                        }
                    }
                }
            }
        }
    }

    private sealed class TransposedLoadingWork(WinogradConvolution owner, float* weight) : IParallelWork
    {
        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            nint outputs = owner.StoredOutputs;
            for (nint input = 0; input < owner.StoredInputs; input++)
            {
                float* source = (float*)_weight + (input * 9 * outputs) + ((nint)item * MatrixKernel.Columns);
                float* target = owner.Weights.Pointer + owner.Panels[item].Start + (input * MatrixKernel.Columns);
                for (int lane = 0; lane < MatrixKernel.Columns; lane += 8)
                {
                    WinogradTransform.Filters(source + lane, outputs, isFlipped: true, target + lane, (nint)owner._pointLength);
                }
            }
        }
    }

    private sealed class Work(WinogradConvolution owner, VectorPass pass, Division division, Activations input, Activations output, Activations residual, bool relu) : IParallelWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int block = item / division.PanelGroups, group = item % division.PanelGroups;
            int firstTile = block * division.BlockTiles, tiles = Math.Min(division.BlockTiles, division.Tiles - firstTile);
            int firstPanel = group * division.GroupPanels, panels = Math.Min(division.GroupPanels, owner.Panels.Length - firstPanel);
            if (panels <= 0)
            {
                return;
            }

            float* values = pass.Scratch(worker);
            nint valueStride = (nint)division.BlockRows * owner.StoredInputs;
            float* sums = values + (Points * valueStride);
            int channels = panels * MatrixKernel.Columns;
            nint sumStride = (nint)division.BlockRows * channels;
            float* edge = sums + (Points * (nint)division.BlockRows * division.GroupPanels * MatrixKernel.Columns);
            for (int i = 0; i < tiles; i++)
            {
                var (image, y, x) = Locate(firstTile + i);
                TransformInput(input, image, y, x, values + ((nint)i * owner.StoredInputs), valueStride, MatrixKernel.Columns, edge);
            }

            Multiply(values, valueStride, sums, sumStride, tiles, firstPanel, panels);
            for (int i = 0; i < tiles; i++)
            {
                TransformOutput(firstTile + i, sums + ((nint)i * channels), sumStride, firstPanel * MatrixKernel.Columns, channels);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Multiply(float* values, nint valueStride, float* sums, nint sumStride, int tiles, int firstPanel, int panels)
        {
            int rows = division.BlockRows;
            nint* sources = stackalloc nint[rows];
            nint* targets = stackalloc nint[rows];
            for (int tile = 0; tile < rows; tile++)
            {
                sources[tile] = (nint)tile * owner.StoredInputs;
                targets[tile] = (nint)tile * panels * MatrixKernel.Columns;
            }

            nint segment = 0;
            for (int point = 0; point < Points; point++)
            {
                float* filters = owner.Weights.Pointer + (point * owner._pointLength);
                for (int panel = 0; panel < panels; panel++)
                {
                    ConvolutionPanel read = owner.Panels[firstPanel + panel];
                    float* a = values + (point * valueStride) + read.FirstInput;
                    float* c = sums + (point * sumStride) + (panel * MatrixKernel.Columns);
                    for (int tile = 0; tile < tiles; tile += MatrixKernel.Rows)
                    {
                        var epilogue = new MatrixKernel.Epilogue(c, targets + tile, bias: null, residual: null, relu: false);
                        MatrixKernel.Multiply(a, sources + tile, &segment, 1, read.InputCount, filters + read.Start, epilogue);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void TransformOutput(int tile, float* sums, nint stride, int firstChannel, int channels)
        {
            var (image, y, x) = Locate(tile);
            nint pixelStride = output.Channels, rowStride = output.Width * pixelStride;
            nint at = (((nint)image * output.Height) + y) * rowStride + (x * pixelStride) + firstChannel;
            WinogradTransform.Output(
                sums,
                stride,
                channels,
                owner.Bias.Pointer + firstChannel,
                output.Pointer + at,
                rowStride,
                pixelStride,
                residual.Data == 0 ? null : residual.Pointer + at,
                relu,
                output.Height - y,
                output.Width - x);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private (int Image, int Y, int X) Locate(int tile)
        {
            int inImage = division.TileRows * division.TileColumns, position = tile % inImage;
            return (tile / inImage, position / division.TileColumns * WinogradTransform.OutputSide, position % division.TileColumns * WinogradTransform.OutputSide);
        }
    }
}
