using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>Pooling, subsampling and their gradients beside plain loops, on sizes drawn at random, in buffers that end before a page that may not be touched.</summary>
[TestClass]
[DoNotParallelize]
public sealed unsafe class PoolingKernelTests
{
    private const int Cases = 200;

    [TestInitialize]
    public void RequireInstructions() => VectorInstructions.Require();

    [TestMethod]
    public void Maximum_RandomShapes_EqualsThePlainLoopForwardAndBackward() => Each((item, buffers) =>
    {
        Activations input = Positive(buffers, item);
        Activations output = buffers.Empty(Pooling.Maximum.Shape(input)), gradient = buffers.Activations(output.Count, output.Height, output.Width, output.Channels, output.Channels);
        Activations inputGradient = buffers.Empty(input);
        var maximum = new Pooling.Maximum(input, output);
        var backward = new PoolingGradient.Maximum(input, gradient, inputGradient);

        item.Run(0, 0, pass =>
        {
            pass.Run(maximum, maximum.ItemCount);
            pass.Run(backward, backward.ItemCount);
        });

        double[] expected = new double[input.Length];
        for (long at = 0; at < output.Length; at++)
        {
            long largest = LargestOf(input, output, at);
            Assert.AreEqual(input.Pointer[largest], output.Pointer[at], $"{item}");
            expected[largest] += gradient.Pointer[at];
        }

        for (long i = 0; i < input.Length; i++)
        {
            Assert.AreEqual(expected[i], inputGradient.Pointer[i], 1e-6, $"{item}");
        }
    });

    [TestMethod]
    public void Mean_RandomShapes_EqualsThePlainLoopForwardAndBackward() => Each((item, buffers) =>
    {
        int channels = item.Next(1, 40), stored = ConvolutionPanel.Stored(channels), pixels = item.Height * item.Width;
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, channels, stored);
        float* features = buffers.Values((long)item.Count * channels), gradients = buffers.Values((long)item.Count * stored);
        Activations inputGradient = buffers.Empty(input);
        var mean = new Pooling.Mean(input, features, channels);
        var backward = new PoolingGradient.Mean(gradients, inputGradient);

        item.Run(0, 0, pass =>
        {
            pass.Run(mean, mean.ItemCount);
            pass.Run(backward, backward.ItemCount);
        });

        for (int image = 0; image < item.Count; image++)
        {
            for (int channel = 0; channel < stored; channel++)
            {
                double sum = 0;
                for (int pixel = 0; pixel < pixels; pixel++)
                {
                    long at = ((((long)image * pixels) + pixel) * stored) + channel;
                    sum += input.Pointer[at];
                    Assert.AreEqual(gradients[(image * stored) + channel] / (double)pixels, inputGradient.Pointer[at], 1e-6, $"{item}");
                }

                if (channel < channels)
                {
                    Assert.AreEqual(sum / pixels, features[(image * channels) + channel], 1e-5, $"{item}");
                }
            }
        }
    });

    [TestMethod]
    public void Subsample_RandomShapes_EqualsThePlainLoopForwardAndBackward() => Each((item, buffers) =>
    {
        int channels = item.Panels(), stride = item.Next(1, 2), before = item.Next(0, 20), outputs = ConvolutionPanel.Stored(channels + before + item.Next(0, 20));
        Activations input = buffers.Activations(item.Count, item.Height, item.Width, channels, channels);
        Activations output = buffers.Empty(item.Count, (item.Height + stride - 1) / stride, (item.Width + stride - 1) / stride, outputs);
        Activations gradient = buffers.Activations(output.Count, output.Height, output.Width, outputs, outputs), inputGradient = buffers.Empty(input);
        var subsample = new Pooling.Subsample(input, output, channels, before, stride);
        var backward = new PoolingGradient.Subsample(gradient, inputGradient, before, stride);

        item.Run(0, 0, pass =>
        {
            pass.Run(subsample, subsample.ItemCount);
            pass.Run(backward, backward.ItemCount);
        });

        float[] expected = new float[output.Length], expectedGradient = new float[input.Length];
        for (long at = 0; at < input.Length; at++)
        {
            long pixel = at / channels, y = pixel / item.Width % item.Height, x = pixel % item.Width, image = pixel / item.Width / item.Height;
            if (y % stride == 0 && x % stride == 0)
            {
                long target = (((((image * output.Height) + (y / stride)) * output.Width) + (x / stride)) * outputs) + before + (at % channels);
                expected[target] = input.Pointer[at];
                expectedGradient[at] = gradient.Pointer[target];
            }
        }

        Assert.IsTrue(new ReadOnlySpan<float>(output.Pointer, expected.Length).SequenceEqual(expected), $"{item}");
        Assert.IsTrue(new ReadOnlySpan<float>(inputGradient.Pointer, expectedGradient.Length).SequenceEqual(expectedGradient), $"{item}, gradient");
    });

    private static void Each(Action<KernelCase, KernelBuffers> check)
    {
        for (int seed = 0; seed < Cases; seed++)
        {
            var item = new KernelCase(seed);
            using var buffers = new KernelBuffers(item.Random);
            check(item, buffers);
        }
    }

    /// <summary>Values after a ReLU, no two of a window the same.</summary>
    private static Activations Positive(KernelBuffers buffers, KernelCase item)
    {
        int channels = item.Panels();
        Activations values = buffers.Activations(item.Count, item.Height, item.Width, channels, channels);
        for (long i = 0; i < values.Length; i++)
        {
            values.Pointer[i] = Math.Abs(values.Pointer[i]);
        }

        return values;
    }

    /// <summary>The place of the largest value in the window of 3x3 that a value of output is of, stride 2.</summary>
    private static long LargestOf(Activations input, Activations output, long at)
    {
        long pixel = at / output.Channels, top = (pixel / output.Width % output.Height * 2) - 1, left = (pixel % output.Width * 2) - 1, image = pixel / output.Width / output.Height;
        long largest = -1;
        for (int tap = 0; tap < 9; tap++)
        {
            long y = top + (tap / 3), x = left + (tap % 3);
            long place = (((((image * input.Height) + y) * input.Width) + x) * input.Channels) + (at % output.Channels);
            if (y >= 0 && y < input.Height && x >= 0 && x < input.Width && (largest < 0 || input.Pointer[place] > input.Pointer[largest]))
            {
                largest = place;
            }
        }

        return largest;
    }
}
