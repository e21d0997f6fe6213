using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The gradient of a convolution's input from that of its output, for any kernel and stride. With stride 2, pixels of the input fall into four
/// classes, each of which reads other taps of the kernel.
/// </summary>
internal sealed unsafe class InputGradient : IDisposable
{
    private readonly ConvolutionShape _shape;
    private readonly PixelClass[] _classes;
    private readonly AlignedBuffer _weights;

    /// <param name="shape">Its channels fill whole panels.</param>
    public InputGradient(ConvolutionShape shape)
    {
        _shape = shape;
        int padding = shape.Kernel / 2;
        _classes = new PixelClass[shape.Stride * shape.Stride];
        long offset = 0;
        for (int i = 0; i < _classes.Length; i++)
        {
            int classY = i / shape.Stride, classX = i % shape.Stride;
            (int Y, int X)[] taps =
            [
                .. from y in Enumerable.Range(0, shape.Kernel)
                   from x in Enumerable.Range(0, shape.Kernel)
                   where (classY + padding - y) % shape.Stride == 0 && (classX + padding - x) % shape.Stride == 0
                   select (y, x),
            ];
            _classes[i] = new PixelClass(classY, classX, taps, offset);
            offset += (long)taps.Length * shape.InputChannels * shape.OutputChannels;
        }

        _weights = new AlignedBuffer(offset);
    }

    private int Border => _shape.Kernel / 2;

    private int Panels => _shape.InputChannels / MatrixKernel.Columns;

    /// <summary>Takes weights, as they change in training.</summary>
    /// <param name="weight">[out, kernel, kernel, in] float32.</param>
    public void Load(VectorPass pass, float* weight) => pass.Run(new LoadingWork(this, weight), Panels);

    public long SharedScratchLength(Activations outputGradient) => Border == 0 ? 0 : Padded(outputGradient).Length;

    /// <param name="residual">Has the shape of the input; no memory stands for zeros.</param>
    public void Run(VectorPass pass, Activations outputGradient, Activations inputGradient, Activations residual)
    {
        Activations source = outputGradient;
        if (Border > 0)
        {
            source = Padded(outputGradient) with { Data = (nint)pass.Shared };
            DirectConvolution.Pad(pass, outputGradient, source, Border);
        }

        foreach (PixelClass pixelClass in _classes)
        {
            var work = new Work(this, pixelClass, source, inputGradient, residual);
            pass.Run(work, work.ItemCount);
        }
    }

    public void Dispose() => _weights.Dispose();

    private Activations Padded(Activations gradient) => gradient with { Height = gradient.Height + (2 * Border), Width = gradient.Width + (2 * Border) };

    /// <summary>Input pixels with the same (y mod stride, x mod stride).</summary>
    /// <param name="Taps">The kernel's taps that they read.</param>
    /// <param name="Offset">Where their weights begin: [panel, tap, out, 16].</param>
    private sealed record PixelClass(int Y, int X, (int Y, int X)[] Taps, long Offset);

    private sealed class LoadingWork(InputGradient owner, float* weight) : IParallelWork
    {
        private readonly nint _weight = (nint)weight;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            ConvolutionShape shape = owner._shape;
            nint inputs = shape.InputChannels, taps = shape.Kernel * shape.Kernel;
            foreach (PixelClass pixelClass in owner._classes)
            {
                float* target = owner._weights.Pointer + pixelClass.Offset + ((nint)item * pixelClass.Taps.Length * shape.OutputChannels * MatrixKernel.Columns);
                foreach (var (y, x) in pixelClass.Taps)
                {
                    for (nint output = 0; output < shape.OutputChannels; output++, target += MatrixKernel.Columns)
                    {
                        float* source = (float*)_weight + (((output * taps) + (y * shape.Kernel) + x) * inputs) + ((nint)item * MatrixKernel.Columns);
                        new ReadOnlySpan<float>(source, MatrixKernel.Columns).CopyTo(new Span<float>(target, MatrixKernel.Columns));
                    }
                }
            }
        }
    }

    private sealed class Work : IParallelWork
    {
        private const int BlockPixels = 48;

        private readonly InputGradient _owner;
        private readonly PixelClass _class;
        private readonly Activations _source;
        private readonly Activations _target;
        private readonly Activations _residual;
        private readonly int _rows;
        private readonly int _columns;

        public Work(InputGradient owner, PixelClass pixelClass, Activations source, Activations target, Activations residual)
        {
            (_owner, _class, _source, _target, _residual) = (owner, pixelClass, source, target, residual);
            int stride = owner._shape.Stride;
            _rows = Math.Max(0, (target.Height - pixelClass.Y + stride - 1) / stride);
            _columns = Math.Max(0, (target.Width - pixelClass.X + stride - 1) / stride);
        }

        public int ItemCount => ((_target.Count * _rows * _columns) + BlockPixels - 1) / BlockPixels;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int first = item * BlockPixels, count = Math.Min(BlockPixels, (_target.Count * _rows * _columns) - first);
            nint* sources = stackalloc nint[BlockPixels + MatrixKernel.Rows];
            nint* targets = stackalloc nint[BlockPixels + MatrixKernel.Rows];
            Locate(first, count, sources, targets);
            ConvolutionShape shape = _owner._shape;
            int tapCount = _class.Taps.Length;
            nint* segments = stackalloc nint[Math.Max(1, tapCount)];
            for (int i = 0; i < tapCount; i++)
            {
                // In the padded gradient pixel 0 is at the border's width.
                int y = _owner.Border + ((_class.Y + _owner.Border - _class.Taps[i].Y) / shape.Stride);
                int x = _owner.Border + ((_class.X + _owner.Border - _class.Taps[i].X) / shape.Stride);
                segments[i] = (((nint)y * _source.Width) + x) * _source.Channels;
            }

            nint panelLength = (nint)tapCount * shape.OutputChannels * MatrixKernel.Columns;
            for (int panel = 0; panel < _owner.Panels; panel += MatrixKernel.PanelsAtOnce)
            {
                int channel = panel * MatrixKernel.Columns;
                MatrixKernel.Multiply(
                    _source.Pointer,
                    sources,
                    targets,
                    count,
                    segments,
                    tapCount,
                    shape.OutputChannels,
                    new MatrixKernel.Panels(
                        _owner._weights.Pointer + _class.Offset + (panel * panelLength), panelLength, Math.Min(MatrixKernel.PanelsAtOnce, _owner.Panels - panel)) { AreFirst = panel == 0 },
                    new MatrixKernel.Epilogue(_target.Pointer + channel, bias: null, _residual.Data == 0 ? null : _residual.Pointer + channel, relu: false));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Locate(int first, int count, nint* sources, nint* targets)
        {
            int filled = (count + MatrixKernel.Rows - 1) / MatrixKernel.Rows * MatrixKernel.Rows, inImage = _rows * _columns, stride = _owner._shape.Stride;
            for (int i = 0; i < filled; i++)
            {
                int pixel = first + Math.Min(i, count - 1);
                int image = pixel / inImage, y = pixel % inImage / _columns, x = pixel % _columns;
                sources[i] = ((((nint)image * _source.Height) + y) * _source.Width + x) * _source.Channels;
                targets[i] = ((((nint)image * _target.Height) + (y * stride) + _class.Y) * _target.Width + (x * stride) + _class.X) * _target.Channels;
            }
        }
    }
}
