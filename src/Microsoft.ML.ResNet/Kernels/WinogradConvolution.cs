using System.Runtime.CompilerServices;

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
        : this(folded.Shape, storedInputs, folded.StoredBias(), isCleared: false)
    {
        WriteFilters(folded, (panel, input, filters) =>
        {
            double* transformed = stackalloc double[Points * MatrixKernel.Columns];
            WinogradTransform.Filters(filters, transformed, MatrixKernel.Columns);
            float* first = Weights.Pointer + panel.Start + ((long)input * MatrixKernel.Columns);
            for (int point = 0; point < Points; point++)
            {
                Narrow(transformed + (point * MatrixKernel.Columns), first + (point * _pointLength));
            }
        });
    }

    private WinogradConvolution(ConvolutionShape shape, int storedInputs, AlignedBuffer bias, bool isCleared)
        : base(shape, storedInputs, Points, bias, isCleared)
    {
        _pointLength = Panels[^1].End;
    }

    /// <summary>A convolution that has no weights yet, and no bias. Its channels fill whole panels.</summary>
    public static WinogradConvolution Unloaded(ConvolutionShape shape)
        => new(shape, shape.InputChannels, new AlignedBuffer(shape.OutputChannels), isCleared: true);

    public override Activations Shape(Activations input) => input with { Data = 0, Channels = StoredOutputs };

    public override long ScratchLength(Activations input, int threads)
    {
        var tiles = new WinogradTiles(input, threads);
        return tiles.ArePhases ? StoredInputs : tiles.BlockScratchLength(StoredInputs, StoredOutputs);
    }

    public override long SharedScratchLength(Activations input, int threads)
    {
        var tiles = new WinogradTiles(input, threads);
        return tiles.ArePhases ? tiles.SharedLength(StoredInputs, StoredOutputs) : 0;
    }

    public override void Run(VectorPass pass, Activations input, Activations output, Activations residual, bool relu)
    {
        var tiles = new WinogradTiles(input, pass.MostThreads);
        var transforms = new Transforms(this, tiles, input, output, residual, relu);
        if (tiles.ArePhases)
        {
            var phases = new Phases(this, pass, tiles);
            pass.Run(new InputWork(transforms, phases, pass), phases.TileGroups);
            pass.Run(new ProductWork(this, phases), Points * phases.PanelGroups);
            pass.Run(new OutputWork(transforms, phases), phases.TileGroups);
        }
        else
        {
            pass.Run(new BlockWork(this, pass, tiles, transforms), tiles.Blocks);
        }
    }

    public override void Load(VectorPass pass, float* weight) => pass.Run(new LoadingWork(this, weight), Panels.Length);

    /// <summary>Takes the weights of a convolution whose input's gradient this one computes from its output's.</summary>
    /// <param name="weight">[in, 3, 3, out] float32, in and out being this convolution's.</param>
    public void LoadTransposed(VectorPass pass, float* weight) => pass.Run(new TransposedLoadingWork(this, weight), Panels.Length);

    /// <summary>Transforms what tiles of output read of the input, with zeros beyond the image's edge.</summary>
    /// <param name="first">The first tile.</param>
    /// <param name="end">The one after the last.</param>
    /// <param name="target">The first tile's and point's values; those of the next tile follow at <paramref name="tileStride"/>, of the next point at <paramref name="pointStride"/>.</param>
    /// <param name="panelStride">The distance of sixteen channels to the next: 16 where they lie side by side.</param>
    /// <param name="zeros">A pixel of zeros.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransformInputs<T>(Activations input, WinogradTiles tiles, int first, int end, float* target, nint tileStride, nint pointStride, nint panelStride, float* zeros)
        where T : unmanaged, ILanes<T>
    {
        for (int tile = first, count; tile < end; tile += count, target += count * tileStride)
        {
            var (image, y, x) = tiles.Locate(tile);
            count = Math.Min(end - tile, tiles.Columns - (x / WinogradTransform.OutputSide));
            WinogradTransform.Inputs<T>(input, image, y, x, count, zeros, target, tileStride, pointStride, panelStride);
        }
    }

    /// <summary>Multiplies tiles with the filters of some panels, at one point.</summary>
    /// <param name="values">[tiles, inputs].</param>
    /// <param name="sums">[tiles, outputs], at the first panel's first channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(int point, float* values, float* sums, nint outputs, int tiles, int firstPanel, int endPanel)
    {
        int filled = (tiles + MatrixKernel.Rows - 1) / MatrixKernel.Rows * MatrixKernel.Rows;
        nint* sources = stackalloc nint[filled];
        nint* targets = stackalloc nint[filled];
        for (int tile = 0; tile < filled; tile++)
        {
            sources[tile] = (nint)tile * StoredInputs;
            targets[tile] = tile * outputs;
        }

        nint segment = 0;
        float* filters = Weights.Pointer + (point * _pointLength);
        for (int panel = firstPanel; panel < endPanel;)
        {
            ConvolutionPanel read = Panels[panel];
            int count = ConvolutionPanel.CountAlike(Panels, panel, endPanel);
            MatrixKernel.Multiply(
                values + read.FirstInput,
                sources,
                targets,
                tiles,
                &segment,
                1,
                read.InputCount,
                new MatrixKernel.Panels(filters + read.Start, (nint)read.InputCount * MatrixKernel.Columns, count),
                new MatrixKernel.Epilogue(sums + ((panel - firstPanel) * MatrixKernel.Columns), bias: null, residual: null, relu: false));
            panel += count;
        }
    }

    /// <summary>Where the values and sums of all tiles lie, and what threads share of the three phases.</summary>
    private sealed class Phases(WinogradConvolution owner, VectorPass pass, WinogradTiles tiles)
    {
        /// <summary>The channels of an item: as many as the widest kernel takes at once.</summary>
        private const int PanelsInGroup = 4;

        private readonly int _groupTiles = Math.Clamp(tiles.Count / (4 * pass.Threads), 1, 16);

        public int TileGroups => (tiles.Count + _groupTiles - 1) / _groupTiles;

        public int PanelGroups => (owner.Panels.Length + PanelsInGroup - 1) / PanelsInGroup;

        public nint ValueStride => (nint)tiles.FilledCount * owner.StoredInputs;

        public nint SumStride => (nint)tiles.FilledCount * owner.StoredOutputs;

        public float* Values => pass.Shared;

        public float* Sums => pass.Shared + (Points * ValueStride);

        public int Tiles => tiles.Count;

        public (int First, int End) TilesOf(int group) => (group * _groupTiles, Math.Min((group + 1) * _groupTiles, tiles.Count));

        public (int First, int End) PanelsOf(int group) => (group * PanelsInGroup, Math.Min((group + 1) * PanelsInGroup, owner.Panels.Length));
    }

    private sealed class InputWork(Transforms transforms, Phases phases, VectorPass pass) : LaneWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            var (first, end) = phases.TilesOf(item);
            transforms.Input<T>(first, end, phases.Values + ((nint)first * transforms.Inputs), phases.ValueStride, pass.Scratch(worker));
        }
    }

    private sealed class ProductWork(WinogradConvolution owner, Phases phases) : IParallelWork
    {
        public void Do(int item, int worker)
        {
            int point = item / phases.PanelGroups;
            var (first, end) = phases.PanelsOf(item % phases.PanelGroups);
            float* sums = phases.Sums + (point * phases.SumStride) + (first * MatrixKernel.Columns);
            owner.Multiply(point, phases.Values + (point * phases.ValueStride), sums, owner.StoredOutputs, phases.Tiles, first, end);
        }
    }

    private sealed class OutputWork(Transforms transforms, Phases phases) : LaneWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            var (first, end) = phases.TilesOf(item);
            transforms.Output<T>(first, end, phases.Sums + ((nint)first * transforms.Outputs), phases.SumStride);
        }
    }

    private sealed class BlockWork(WinogradConvolution owner, VectorPass pass, WinogradTiles tiles, Transforms transforms) : LaneWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            int first = item * WinogradTiles.BlockTiles, end = Math.Min(first + WinogradTiles.BlockTiles, tiles.Count);
            nint valueStride = (nint)WinogradTiles.BlockTiles * owner.StoredInputs, sumStride = (nint)WinogradTiles.BlockTiles * owner.StoredOutputs;
            float* values = pass.Scratch(worker), sums = values + (Points * valueStride);
            transforms.Input<T>(first, end, values, valueStride, sums + (Points * sumStride));
            for (int point = 0; point < Points; point++)
            {
                owner.Multiply(point, values + (point * valueStride), sums + (point * sumStride), owner.StoredOutputs, end - first, 0, owner.Panels.Length);
            }

            transforms.Output<T>(first, end, sums, sumStride);
        }
    }

    /// <summary>Tiles before and after they are multiplied.</summary>
    private sealed class Transforms(WinogradConvolution owner, WinogradTiles tiles, Activations input, Activations output, Activations residual, bool relu)
    {
        public int Inputs => owner.StoredInputs;

        public int Outputs => owner.StoredOutputs;

        /// <param name="values">[tiles, inputs] at the first point.</param>
        /// <param name="zeros">Memory for a pixel.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Input<T>(int first, int end, float* values, nint pointStride, float* zeros)
            where T : unmanaged, ILanes<T>
        {
            new Span<float>(zeros, Inputs).Clear();
            TransformInputs<T>(input, tiles, first, end, values, Inputs, pointStride, MatrixKernel.Columns, zeros);
        }

        /// <param name="sums">[tiles, outputs] at the first point.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Output<T>(int first, int end, float* sums, nint pointStride)
            where T : unmanaged, ILanes<T>
        {
            nint pixelStride = output.Channels, rowStride = output.Width * pixelStride;
            for (int tile = first, count; tile < end; tile += count, sums += count * Outputs)
            {
                var (image, y, x) = tiles.Locate(tile);
                count = Math.Min(end - tile, tiles.Columns - (x / WinogradTransform.OutputSide));
                nint offset = ((((nint)image * output.Height) + y) * rowStride) + (x * pixelStride);
                WinogradTransform.Outputs<T>(
                    sums,
                    pointStride,
                    Outputs,
                    count,
                    owner.Bias.Pointer,
                    output.Pointer + offset,
                    rowStride,
                    pixelStride,
                    residual.Data == 0 ? null : residual.Pointer + offset,
                    relu,
                    output.Height - y,
                    output.Width - x);
            }
        }
    }

    private sealed class LoadingWork(WinogradConvolution owner, float* weight) : LaneWork
    {
        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            int inputs = owner.StoredInputs;
            float* block = stackalloc float[Points * MatrixKernel.Columns * T.Count];
            nint pointStride = MatrixKernel.Columns * T.Count;
            for (int input = 0; input < inputs; input += T.Count)
            {
                for (int column = 0; column < MatrixKernel.Columns; column++)
                {
                    nint output = (item * MatrixKernel.Columns) + column;
                    WinogradTransform.Filters<T>((float*)_weight + (output * 9 * inputs) + input, inputs, isFlipped: false, block + (column * T.Count), pointStride);
                }

                for (int point = 0; point < Points; point++)
                {
                    float* source = block + (point * pointStride);
                    float* target = owner.Weights.Pointer + (point * owner._pointLength) + owner.Panels[item].Start + ((nint)input * MatrixKernel.Columns);
                    for (int lane = 0; lane < T.Count; lane++)
                    {
                        for (int column = 0; column < MatrixKernel.Columns; column++)
                        {
                            target[(lane * MatrixKernel.Columns) + column] = source[(column * T.Count) + lane];
                        }
                    }
                }
            }
        }
    }

    private sealed class TransposedLoadingWork(WinogradConvolution owner, float* weight) : LaneWork
    {
        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint outputs = owner.StoredOutputs;
            for (nint input = 0; input < owner.StoredInputs; input++)
            {
                float* source = (float*)_weight + (input * 9 * outputs) + ((nint)item * MatrixKernel.Columns);
                float* target = owner.Weights.Pointer + owner.Panels[item].Start + (input * MatrixKernel.Columns);
                for (int lane = 0; lane < MatrixKernel.Columns; lane += T.Count)
                {
                    WinogradTransform.Filters<T>(source + lane, outputs, isFlipped: true, target + lane, (nint)owner._pointLength);
                }
            }
        }
    }
}
