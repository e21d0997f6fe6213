using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// Batch normalisation with what follows it, a sum and a ReLU, forward and backward, on stored activations whose channels fill whole panels.
/// Sums over pixels are taken block by block and added in double precision in the order of the blocks, whatever thread had them.
/// </summary>
internal static unsafe class Normalization
{
    /// <summary>The values of a block: few enough to stay in a core's cache while they are read more than once.</summary>
    private const int BlockValues = 16384;

    /// <summary>The floats of shared memory that sums of blocks take.</summary>
    public static long SharedScratchLength(Activations shape) => 2L * shape.Channels * Blocks(shape);

    /// <summary>Mean and variance, not the unbiased one, of every channel.</summary>
    public static void Statistics(VectorPass pass, Activations values, Span<double> mean, Span<double> variance)
    {
        // Differences to the first pixel: the squares of values far from zero would leave little of the variance.
        int blocks = Blocks(values);
        pass.Run(new SumsWork(pass, values), blocks);
        double count = (double)values.Count * values.Height * values.Width;
        for (int channel = 0; channel < values.Channels; channel++)
        {
            var (sum, squares) = Sums(pass.Shared, channel, values.Channels, blocks);
            mean[channel] = values.Pointer[channel] + (sum / count);
            variance[channel] = Math.Max(0, (squares / count) - (sum / count * (sum / count)));
        }
    }

    /// <summary>output = relu(values * scale + shift + residual).</summary>
    /// <param name="residual">No memory stands for zeros.</param>
    /// <param name="scale">[channels].</param>
    /// <param name="shift">[channels].</param>
    public static void Apply(VectorPass pass, Activations values, Activations output, Activations residual, float* scale, float* shift, bool relu)
        => pass.Run(new ApplyWork(values, output, residual, scale, shift, relu), Blocks(values));

    /// <summary>
    /// Sets the gradient to zero where the ReLU did, and takes for every channel the sums of the gradient and of its product with the value's
    /// difference to <paramref name="mean"/>.
    /// </summary>
    /// <param name="output">What the ReLU gave; no memory stands for no ReLU.</param>
    public static void GradientSums(
        VectorPass pass, Activations gradient, Activations output, Activations values, float* mean, Span<double> sums, Span<double> products)
    {
        int blocks = Blocks(values);
        pass.Run(new GradientSumsWork(pass, gradient, output, values, mean), blocks);
        for (int channel = 0; channel < values.Channels; channel++)
        {
            (sums[channel], products[channel]) = Sums(pass.Shared, channel, values.Channels, blocks);
        }
    }

    /// <summary>target = gradient * a + values * b + c, which is the gradient of the values.</summary>
    public static void ApplyGradient(VectorPass pass, Activations gradient, Activations values, Activations target, float* a, float* b, float* c)
        => pass.Run(new ApplyGradientWork(gradient, values, target, a, b, c), Blocks(values));

    private static int BlockPixels(int channels) => Math.Max(1, BlockValues / channels);

    private static int Blocks(Activations shape)
    {
        int pixels = BlockPixels(shape.Channels);
        return ((shape.Count * shape.Height * shape.Width) + pixels - 1) / pixels;
    }

    private static (nint First, int Pixels) Block(Activations shape, int item)
    {
        int pixels = BlockPixels(shape.Channels), first = item * pixels;
        return ((nint)first * shape.Channels, Math.Min(pixels, (shape.Count * shape.Height * shape.Width) - first));
    }

    private static (double First, double Second) Sums(float* partial, int channel, int channels, int blocks)
    {
        double first = 0, second = 0;
        for (int block = 0; block < blocks; block++, partial += 2 * channels)
        {
            first += partial[channel];
            second += partial[channels + channel];
        }

        return (first, second);
    }

    /// <summary>From a vector of channels to the one that is taken with it: the next, or the same where it is the last.</summary>
    private static nint Second<T>(nint channel, nint channels)
        where T : unmanaged, ILanes<T>
        => channel + (2 * T.Count) <= channels ? T.Count : 0;

    private sealed class SumsWork(VectorPass pass, Activations values) : LaneWork
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint channels = values.Channels;
            var (first, pixels) = Block(values, item);
            float* target = pass.Shared + (2 * item * channels);
            for (nint channel = 0; channel < channels; channel += 2 * T.Count)
            {
                nint second = Second<T>(channel, channels);
                T sum0 = default, sum1 = default, squares0 = default, squares1 = default;
                T pivot0 = T.Load(values.Pointer + channel), pivot1 = T.Load(values.Pointer + channel + second);
                float* row = values.Pointer + first + channel;
                for (int pixel = 0; pixel < pixels; pixel++, row += channels)
                {
                    T value0 = T.Load(row) - pivot0, value1 = T.Load(row + second) - pivot1;
                    sum0 += value0;
                    sum1 += value1;
                    squares0 = T.MultiplyAdd(value0, value0, squares0);
                    squares1 = T.MultiplyAdd(value1, value1, squares1);
                }

                sum0.Store(target + channel);
                sum1.Store(target + channel + second);
                squares0.Store(target + channels + channel);
                squares1.Store(target + channels + channel + second);
            }
        }
    }

    private sealed class ApplyWork(Activations values, Activations output, Activations residual, float* scale, float* shift, bool relu) : LaneWork
    {
        private readonly nint _scale = (nint)scale;
        private readonly nint _shift = (nint)shift;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint channels = values.Channels;
            var (first, pixels) = Block(values, item);
            float* source = values.Pointer + first, target = output.Pointer + first;
            float* added = residual.Data == 0 ? null : residual.Pointer + first;
            float* factors = (float*)_scale, offsets = (float*)_shift;
            for (int pixel = 0; pixel < pixels; pixel++)
            {
                for (nint channel = 0; channel < channels; channel += T.Count)
                {
                    T value = T.MultiplyAdd(T.Load(source + channel), T.Load(factors + channel), T.Load(offsets + channel));
                    if (added is not null)
                    {
                        value += T.Load(added + channel);
                    }

                    if (relu)
                    {
                        // NaN stays.
                        value = T.Max(default, value);
                    }

                    value.Store(target + channel);
                }

                source += channels;
                target += channels;
                added = added is null ? null : added + channels;
            }
        }
    }

    private sealed class GradientSumsWork(VectorPass pass, Activations gradient, Activations output, Activations values, float* mean) : LaneWork
    {
        private readonly nint _mean = (nint)mean;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint channels = values.Channels;
            var (first, pixels) = Block(values, item);
            float* target = pass.Shared + (2 * item * channels);
            bool masks = output.Data != 0;
            for (nint channel = 0; channel < channels; channel += 2 * T.Count)
            {
                nint second = Second<T>(channel, channels);
                T sum0 = default, sum1 = default, products0 = default, products1 = default;
                T mean0 = T.Load((float*)_mean + channel), mean1 = T.Load((float*)_mean + channel + second);
                float* gradients = gradient.Pointer + first + channel, source = values.Pointer + first + channel;
                float* outputs = output.Pointer + (masks ? first + channel : 0);
                for (int pixel = 0; pixel < pixels; pixel++, gradients += channels, source += channels)
                {
                    T gradient0 = T.Load(gradients), gradient1 = T.Load(gradients + second);
                    if (masks)
                    {
                        gradient0 = T.WhereNotAtMost(T.Load(outputs), default, gradient0);
                        gradient1 = T.WhereNotAtMost(T.Load(outputs + second), default, gradient1);
                        gradient0.Store(gradients);
                        gradient1.Store(gradients + second);
                        outputs += channels;
                    }

                    sum0 += gradient0;
                    sum1 += gradient1;
                    products0 = T.MultiplyAdd(gradient0, T.Load(source) - mean0, products0);
                    products1 = T.MultiplyAdd(gradient1, T.Load(source + second) - mean1, products1);
                }

                sum0.Store(target + channel);
                sum1.Store(target + channel + second);
                products0.Store(target + channels + channel);
                products1.Store(target + channels + channel + second);
            }
        }
    }

    private sealed class ApplyGradientWork(Activations gradient, Activations values, Activations target, float* a, float* b, float* c) : LaneWork
    {
        private readonly nint _a = (nint)a;
        private readonly nint _b = (nint)b;
        private readonly nint _c = (nint)c;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Do<T>(int item, int worker)
        {
            nint channels = values.Channels;
            var (first, pixels) = Block(values, item);
            float* gradients = gradient.Pointer + first, source = values.Pointer + first, results = target.Pointer + first;
            for (int pixel = 0; pixel < pixels; pixel++, gradients += channels, source += channels, results += channels)
            {
                for (nint channel = 0; channel < channels; channel += T.Count)
                {
                    T value = T.MultiplyAdd(T.Load(source + channel), T.Load((float*)_b + channel), T.Load((float*)_c + channel));
                    T.MultiplyAdd(T.Load(gradients + channel), T.Load((float*)_a + channel), value).Store(results + channel);
                }
            }
        }
    }
}
