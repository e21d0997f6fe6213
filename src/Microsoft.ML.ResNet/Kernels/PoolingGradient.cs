using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>The gradients of <see cref="Pooling"/>'s inputs.</summary>
internal static unsafe class PoolingGradient
{
    /// <summary>Of the 3x3 maximum of stride 2: the first of the largest values of each window gets its gradient.</summary>
    public sealed class Maximum(Activations input, Activations outputGradient, Activations inputGradient) : LaneWork
    {
        public int ItemCount => input.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint channels = input.Channels, rowStride = input.Width * channels, length = input.Height * rowStride;
            float* values = input.Pointer + (item * length), targets = inputGradient.Pointer + (item * length);
            new Span<float>(targets, (int)length).Clear();
            float* gradients = outputGradient.Pointer + ((nint)item * outputGradient.Height * outputGradient.Width * channels);
            for (int y = 0; y < outputGradient.Height; y++)
            {
                int firstRow = Math.Max((2 * y) - 1, 0), lastRow = Math.Min((2 * y) + 1, input.Height - 1);
                for (int x = 0; x < outputGradient.Width; x++, gradients += channels)
                {
                    int firstColumn = Math.Max((2 * x) - 1, 0), lastColumn = Math.Min((2 * x) + 1, input.Width - 1);
                    for (nint channel = 0; channel < channels; channel += T.Count)
                    {
                        Distribute(values + channel, targets + channel, rowStride, channels, firstRow, lastRow, firstColumn, lastColumn, T.Load(gradients + channel));
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Distribute<T>(
            float* values, float* targets, nint rowStride, nint pixelStride, int firstRow, int lastRow, int firstColumn, int lastColumn, T gradient)
            where T : unmanaged, ILanes<T>
        {
            T largest = T.Load(values + (firstRow * rowStride) + (firstColumn * pixelStride));
            for (int row = firstRow; row <= lastRow; row++)
            {
                for (int column = firstColumn; column <= lastColumn; column++)
                {
                    largest = T.Max(largest, T.Load(values + (row * rowStride) + (column * pixelStride)));
                }
            }

            T rest = gradient;
            for (int row = firstRow; row <= lastRow; row++)
            {
                for (int column = firstColumn; column <= lastColumn; column++)
                {
                    nint offset = (row * rowStride) + (column * pixelStride);
                    T value = T.Load(values + offset);
                    (T.Load(targets + offset) + T.WhereEqual(value, largest, rest)).Store(targets + offset);
                    rest = T.WhereNotEqual(value, largest, rest);
                }
            }
        }
    }

    /// <summary>Of the mean of all pixels.</summary>
    /// <param name="featureGradients">[Count, Channels].</param>
    public sealed class Mean(float* featureGradients, Activations inputGradient) : IParallelWork
    {
        private readonly nint _gradients = (nint)featureGradients;

        public int ItemCount => inputGradient.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int pixels = inputGradient.Height * inputGradient.Width, channels = inputGradient.Channels;
            float* source = (float*)_gradients + ((nint)item * channels);
            float* target = inputGradient.Pointer + ((nint)item * pixels * channels);
            float factor = 1f / pixels;
            for (int channel = 0; channel < channels; channel++)
            {
                target[channel] = source[channel] * factor;
            }

            for (int pixel = 1; pixel < pixels; pixel++)
            {
                new ReadOnlySpan<float>(target, channels).CopyTo(new Span<float>(target + ((nint)pixel * channels), channels));
            }
        }
    }

    /// <summary>Of a shortcut that takes every stride-th pixel and adds channels of zeros.</summary>
    /// <param name="before">The channels of zeros before the input's own.</param>
    public sealed class Subsample(Activations outputGradient, Activations inputGradient, int before, int stride) : IParallelWork
    {
        public int ItemCount => inputGradient.Count * inputGradient.Height;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int image = item / inputGradient.Height, y = item % inputGradient.Height, channels = inputGradient.Channels;
            var row = new Span<float>(inputGradient.Pointer + ((nint)item * inputGradient.Width * channels), inputGradient.Width * channels);
            row.Clear();
            if (y % stride != 0)
            {
                return;
            }

            float* source = outputGradient.Pointer + ((((nint)image * outputGradient.Height) + (y / stride)) * outputGradient.Width * outputGradient.Channels) + before;
            for (int x = 0; x < inputGradient.Width; x += stride, source += outputGradient.Channels)
            {
                new ReadOnlySpan<float>(source, channels).CopyTo(row[(x * channels)..]);
            }
        }
    }
}
