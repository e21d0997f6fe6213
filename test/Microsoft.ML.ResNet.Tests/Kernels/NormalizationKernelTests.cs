using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>Batch normalisation forward and backward beside plain loops, on sizes drawn at random, in buffers that end before a page that may not be touched.</summary>
[TestClass]
[DoNotParallelize]
public sealed unsafe class NormalizationKernelTests
{
    private const int Cases = 200;

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestMethod]
    public void Statistics_RandomShapes_EqualThePlainLoop() => Each((item, buffers, values) =>
    {
        double[] mean = new double[values.Channels], variance = new double[values.Channels];

        item.Run(0, Normalization.SharedScratchLength(values), pass => Normalization.Statistics(pass, values, mean, variance));

        for (int channel = 0; channel < values.Channels; channel++)
        {
            double[] column = Column(values, channel);
            double average = column.Average();
            AssertClose(average, mean[channel], $"{item}, mean");
            AssertClose(column.Average(value => (value - average) * (value - average)), variance[channel], $"{item}, variance");
        }
    });

    [TestMethod]
    public void Apply_RandomShapes_EqualsThePlainLoop() => Each((item, buffers, values) =>
    {
        float* scale = buffers.Values(values.Channels), shift = buffers.Values(values.Channels);
        Activations output = buffers.Empty(values), residual = item.Coin() ? Like(buffers, values) : default;
        bool relu = item.Coin();

        item.Run(0, 0, pass => Normalization.Apply(pass, values, output, residual, scale, shift, relu));

        for (long i = 0; i < values.Length; i++)
        {
            int channel = (int)(i % values.Channels);
            double expected = ((double)values.Pointer[i] * scale[channel]) + shift[channel] + (residual.Data == 0 ? 0 : residual.Pointer[i]);
            AssertClose(relu ? Math.Max(expected, 0) : expected, output.Pointer[i], $"{item}");
        }
    });

    [TestMethod]
    public void GradientSums_RandomShapes_EqualThePlainLoop() => Each((item, buffers, values) =>
    {
        bool masks = item.Coin();
        Activations gradient = Like(buffers, values), output = masks ? Like(buffers, values) : default;
        float[] before = new ReadOnlySpan<float>(gradient.Pointer, (int)gradient.Length).ToArray();
        float* mean = buffers.Values(values.Channels);
        double[] sums = new double[values.Channels], products = new double[values.Channels];

        item.Run(0, Normalization.SharedScratchLength(values), pass => Normalization.GradientSums(pass, gradient, output, values, mean, sums, products));

        double[] expectedSums = new double[values.Channels], expectedProducts = new double[values.Channels];
        for (int i = 0; i < before.Length; i++)
        {
            int channel = i % values.Channels;
            float passed = masks && output.Pointer[i] <= 0 ? 0 : before[i];
            Assert.AreEqual(passed, gradient.Pointer[i]);
            expectedSums[channel] += passed;
            expectedProducts[channel] += passed * ((double)values.Pointer[i] - mean[channel]);
        }

        for (int channel = 0; channel < values.Channels; channel++)
        {
            AssertClose(expectedSums[channel], sums[channel], $"{item}, sums");
            AssertClose(expectedProducts[channel], products[channel], $"{item}, products");
        }
    });

    [TestMethod]
    public void ApplyGradient_RandomShapes_EqualsThePlainLoop() => Each((item, buffers, values) =>
    {
        float* a = buffers.Values(values.Channels), b = buffers.Values(values.Channels), c = buffers.Values(values.Channels);
        Activations gradient = Like(buffers, values), target = item.Coin() ? gradient : buffers.Empty(values);
        float[] before = new ReadOnlySpan<float>(gradient.Pointer, (int)gradient.Length).ToArray();

        item.Run(0, 0, pass => Normalization.ApplyGradient(pass, gradient, values, target, a, b, c));

        for (long i = 0; i < values.Length; i++)
        {
            int channel = (int)(i % values.Channels);
            AssertClose(((double)before[i] * a[channel]) + ((double)values.Pointer[i] * b[channel]) + c[channel], target.Pointer[i], $"{item}");
        }
    });

    private static void Each(Action<KernelCase, KernelBuffers, Activations> check)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            var item = new KernelCase(seed);
            using var buffers = new KernelBuffers(item.Random);

            // Now and then so many channels that a block has few pixels, or one.
            int channels = seed % 40 == 0 ? 16 * item.Next(500, 1100) : item.Panels();
            (int count, int height, int width) = channels > 64 ? (item.Next(1, 2), 2, item.Next(1, 3)) : (item.Count, item.Height, item.Width);
            check(item, buffers, buffers.Activations(count, height, width, channels, channels));
        }
    }

    private static Activations Like(KernelBuffers buffers, Activations shape) => buffers.Activations(shape.Count, shape.Height, shape.Width, shape.Channels, shape.Channels);

    private static double[] Column(Activations values, int channel)
    {
        double[] column = new double[values.Length / values.Channels];
        for (long pixel = 0; pixel < column.Length; pixel++)
        {
            column[pixel] = values.Pointer[(pixel * values.Channels) + channel];
        }

        return column;
    }

    /// <summary>Blocks are summed in float32.</summary>
    private static void AssertClose(double expected, double actual, string what) => Assert.AreEqual(expected, actual, 2e-5 * (1 + Math.Abs(expected)), what);
}
