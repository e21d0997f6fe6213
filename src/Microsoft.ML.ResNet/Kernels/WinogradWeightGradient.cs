using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The gradient of the weights of a 3x3 convolution of stride 1, by Winograd's algorithm: for each of sixteen points, the product of the
/// transformed gradients of all tiles of output with the transformed tiles of input, then transformed to weights.
/// </summary>
/// <remarks>Tiles are divided into as many parts as there are threads, each with sums of its own, which are added in order: the same number of
/// threads gives the same bits.</remarks>
internal sealed unsafe class WinogradWeightGradient(ConvolutionShape shape)
{
    private const int Points = WinogradTransform.Points, Panel = MatrixKernel.Columns, SumsOfPanels = Panel * Panel;

    private readonly int _inputs = shape.InputChannels;
    private readonly int _outputs = shape.OutputChannels;

    /// <summary>
    /// The tiles that are transformed before they are multiplied. Sums are loaded and stored once a block: the more there are, the larger
    /// the block has to be.
    /// </summary>
    private int BlockTiles => Math.Clamp(Math.Max(_inputs, _outputs) / 2, 64, 256);

    private long SumLength => (long)Points * _inputs * _outputs;

    public long ScratchLength => (Points * (PointStride(_inputs) + PointStride(_outputs))) + _inputs;

    public long SharedScratchLength(int threads) => SumLength * VectorPass.PartsOf(threads);

    /// <summary>
    /// The distance of two points' values, of which there is a panel of sixteen after the other, all tiles in each, and a line more, so that points don't
    /// lie a power of two apart, which falls into the same lines of a cache.
    /// </summary>
    private long PointStride(int channels) => ((long)BlockTiles * channels) + Panel;

    /// <param name="gradient">[out, 3, 3, in] float32, overwritten.</param>
    public void Run(VectorPass pass, Activations input, Activations outputGradient, float* gradient)
    {
        pass.Run(new SummingWork(this, pass, input, outputGradient), pass.Parts);
        pass.Run(new FinishingWork(this, pass, gradient), _outputs);
    }

    private sealed class SummingWork(WinogradWeightGradient owner, VectorPass pass, Activations input, Activations outputGradient) : LaneWork
    {
        private readonly WinogradTiles _tiles = new(input, pass.MostThreads);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            float* sums = pass.Shared + (item * owner.SumLength);
            new Span<float>(sums, checked((int)owner.SumLength)).Clear();
            long tiles = _tiles.Count;
            int first = (int)(tiles * item / pass.Parts), end = (int)(tiles * (item + 1) / pass.Parts), block = owner.BlockTiles;
            float* values = pass.Scratch(worker);
            float* gradients = values + (Points * owner.PointStride(owner._inputs));
            float* zeros = gradients + (Points * owner.PointStride(owner._outputs));
            new Span<float>(zeros, owner._inputs).Clear();
            for (int start = first; start < end; start += block)
            {
                int count = Math.Min(block, end - start);
                WinogradConvolution.TransformInputs<T>(input, _tiles, start, start + count, values, Panel, (nint)owner.PointStride(owner._inputs), (nint)block * Panel, zeros);
                var tile = _tiles.Locate(start);
                for (int i = 0; i < count; i++, _tiles.Advance(ref tile))
                {
                    Transform<T>(tile, gradients + (i * Panel));
                }

                Multiply(values, gradients, count, sums);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Transform<T>((int Image, int Y, int X) tile, float* gradient)
            where T : unmanaged, ILanes<T>
        {
            var (image, y, x) = tile;
            nint rowStride = (nint)outputGradient.Width * outputGradient.Channels;
            WinogradTransform.OutputGradient<T>(
                outputGradient.Pointer + ((((nint)image * outputGradient.Height) + y) * rowStride) + ((nint)x * outputGradient.Channels),
                rowStride,
                outputGradient.Channels,
                outputGradient.Height - y,
                outputGradient.Width - x,
                gradient,
                (nint)owner.PointStride(owner._outputs),
                (nint)owner.BlockTiles * Panel);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Multiply(float* values, float* gradients, int count, float* sums)
        {
            nint panelStride = (nint)owner.BlockTiles * Panel;
            int inputPanels = owner._inputs / Panel, outputPanels = owner._outputs / Panel;
            for (int point = 0; point < Points; point++)
            {
                float* b = values + (point * owner.PointStride(owner._inputs)), a = gradients + (point * owner.PointStride(owner._outputs));
                for (int output = 0; output < outputPanels; output++)
                {
                    MatrixKernel.AccumulatePanels(a + (output * panelStride), new MatrixKernel.Panels(b, panelStride, inputPanels), count, sums, SumsOfPanels);
                    sums += (nint)inputPanels * SumsOfPanels;
                }
            }
        }
    }

    /// <summary>Adds the parts' sums for one output channel, and transforms them.</summary>
    private sealed class FinishingWork(WinogradWeightGradient owner, VectorPass pass, float* gradient) : LaneWork
    {
        private readonly nint _gradient = (nint)gradient;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint inputs = owner._inputs, pointLength = inputs * owner._outputs;
            float* row = pass.Shared + (item / Panel * inputs * Panel) + (item % Panel * Panel);
            float* target = (float*)_gradient + (item * 9 * inputs);
            for (nint panel = 0; panel < inputs / Panel; panel++, row += SumsOfPanels, target += Panel)
            {
                for (int part = 1; part < pass.Parts; part++)
                {
                    for (int point = 0; point < Points; point++)
                    {
                        ElementKernel.Add<T>(row + (point * pointLength), row + (part * owner.SumLength) + (point * pointLength), Panel);
                    }
                }

                for (int lane = 0; lane < Panel; lane += T.Count)
                {
                    WinogradTransform.FilterGradients<T>(row + lane, pointLength, target + lane, inputs);
                }
            }
        }
    }
}
