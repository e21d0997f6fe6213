using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>What a network does beside convolving, on stored activations.</summary>
internal static unsafe class Pooling
{
    /// <summary>The 3x3 maximum of stride 2, of values of at least 0: the border is as good as zeros. NaN stays.</summary>
    public sealed class Maximum(Activations input, Activations output) : LaneWork
    {
        public int ItemCount => output.Count * output.Height;

        public static Activations Shape(Activations input) => input with { Data = 0, Height = (input.Height + 1) / 2, Width = (input.Width + 1) / 2 };

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            int image = item / output.Height, top = (2 * (item % output.Height)) - 1, channels = input.Channels;
            nint rowStride = (nint)input.Width * channels;
            float* origin = input.Pointer + (image * input.Height * rowStride);
            float* target = output.Pointer + ((nint)item * output.Width * channels);
            int firstRow = Math.Max(top, 0), lastRow = Math.Min(top + 2, input.Height - 1);
            for (int x = 0; x < output.Width; x++, target += channels)
            {
                int firstColumn = Math.Max((2 * x) - 1, 0), lastColumn = Math.Min((2 * x) + 1, input.Width - 1);
                for (int channel = 0; channel < channels; channel += T.Count)
                {
                    T largest = default, marks = default;
                    for (int row = firstRow; row <= lastRow; row++)
                    {
                        for (int column = firstColumn; column <= lastColumn; column++)
                        {
                            T value = T.Load(origin + (row * rowStride) + ((nint)column * channels) + channel);
                            largest = T.Max(largest, value);
                            marks = T.WithNaNOf(value, marks);
                        }
                    }

                    T.WithNaNOf(marks, largest).Store(target + channel);
                }
            }
        }
    }

    /// <summary>The mean of all pixels, for every channel of every image.</summary>
    /// <param name="features">[Count, channels].</param>
    /// <param name="channels">The channels that are wanted, without those that fill vectors.</param>
    public sealed class Mean(Activations input, float* features, int channels) : LaneWork
    {
        private readonly nint _features = (nint)features;

        public int ItemCount => input.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            int pixels = input.Height * input.Width;
            float* origin = input.Pointer + ((nint)item * pixels * input.Channels);
            float* target = (float*)_features + ((nint)item * channels);
            T count = T.Broadcast((float)pixels);
            float* last = stackalloc float[T.Count];
            for (int channel = 0; channel < channels; channel += T.Count)
            {
                T sum = default;
                for (int pixel = 0; pixel < pixels; pixel++)
                {
                    sum += T.Load(origin + ((nint)pixel * input.Channels) + channel);
                }

                T mean = sum / count;
                if (channel + T.Count <= channels)
                {
                    mean.Store(target + channel);
                }
                else
                {
                    mean.Store(last);
                    new ReadOnlySpan<float>(last, channels - channel).CopyTo(new Span<float>(target + channel, channels - channel));
                }
            }
        }
    }

    /// <summary>Every stride-th pixel, with channels of zeros before and after the input's own.</summary>
    /// <param name="channels">The input's channels, without those that fill vectors.</param>
    /// <param name="before">The channels of zeros before them.</param>
    public sealed class Subsample(Activations input, Activations output, int channels, int before, int stride) : IParallelWork
    {
        public int ItemCount => output.Count * output.Height;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Do(int item, int worker)
        {
            int image = item / output.Height, y = item % output.Height * stride;
            float* source = input.Pointer + ((((nint)image * input.Height) + y) * input.Width * input.Channels);
            var row = new Span<float>(output.Pointer + ((nint)item * output.Width * output.Channels), output.Width * output.Channels);
            row.Clear();
            for (int x = 0; x < output.Width; x++)
            {
                new ReadOnlySpan<float>(source + ((nint)x * stride * input.Channels), channels).CopyTo(row[((x * output.Channels) + before)..]);
            }
        }
    }
}
