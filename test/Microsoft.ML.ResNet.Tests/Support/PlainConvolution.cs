using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A convolution and its gradients as the definition has them, in double precision, pixel by pixel.</summary>
/// <param name="shape">Its sizes.</param>
/// <param name="weight">[out, kernel, kernel, in / groups].</param>
internal sealed unsafe class PlainConvolution(ConvolutionShape shape, float* weight)
{
    private readonly float* _weight = weight;

    private int InputsInGroup => shape.InputChannels / shape.Groups;

    private int OutputsInGroup => shape.OutputChannels / shape.Groups;

    /// <summary>[count, height, width, out].</summary>
    public double[] Forward(Activations input, int height, int width)
    {
        double[] output = new double[(long)input.Count * height * width * shape.OutputChannels];
        Visit(input, height, width, (values, weightAt, at) =>
        {
            double sum = 0;
            for (int channel = 0; channel < InputsInGroup; channel++)
            {
                sum += (double)values[channel] * _weight[weightAt + channel];
            }

            output[at] += sum;
        });
        return output;
    }

    /// <summary>[out, kernel, kernel, in / groups].</summary>
    public double[] WeightGradient(Activations input, Activations outputGradient)
    {
        double[] gradient = new double[(long)shape.OutputChannels * shape.Kernel * shape.Kernel * InputsInGroup];
        Visit(input, outputGradient.Height, outputGradient.Width, (values, weightAt, at) =>
        {
            double factor = At(outputGradient, at);
            for (int channel = 0; channel < InputsInGroup; channel++)
            {
                gradient[weightAt + channel] += values[channel] * factor;
            }
        });
        return gradient;
    }

    /// <summary>As large as the input, of which only the shape is read.</summary>
    public double[] InputGradient(Activations input, Activations outputGradient)
    {
        double[] gradient = new double[input.Length];
        Visit(input, outputGradient.Height, outputGradient.Width, (values, weightAt, at) =>
        {
            double factor = At(outputGradient, at);
            long first = values - input.Pointer;
            for (int channel = 0; channel < InputsInGroup; channel++)
            {
                gradient[first + channel] += _weight[weightAt + channel] * factor;
            }
        });
        return gradient;
    }

    private delegate void Products(float* values, long weightAt, long outputAt);

    private float At(Activations output, long at) => output.Pointer[(at / shape.OutputChannels * output.Channels) + (at % shape.OutputChannels)];

    /// <summary>Goes through all values of output and, for each, the taps of the kernel that lie inside the image: the input channels that it reads lie side by side.</summary>
    private void Visit(Activations input, int height, int width, Products products)
    {
        int padding = shape.Kernel / 2;
        long at = 0;
        for (int image = 0; image < input.Count; image++)
        {
            for (int pixel = 0; pixel < height * width; pixel++)
            {
                int top = (pixel / width * shape.Stride) - padding, left = (pixel % width * shape.Stride) - padding;
                for (int output = 0; output < shape.OutputChannels; output++, at++)
                {
                    for (int tap = 0; tap < shape.Kernel * shape.Kernel; tap++)
                    {
                        int row = top + (tap / shape.Kernel), column = left + (tap % shape.Kernel);
                        if ((uint)row < (uint)input.Height && (uint)column < (uint)input.Width)
                        {
                            float* first = input.Pointer + ((((((long)image * input.Height) + row) * input.Width) + column) * input.Channels);
                            products(first + (output / OutputsInGroup * InputsInGroup), (((long)output * shape.Kernel * shape.Kernel) + tap) * InputsInGroup, at);
                        }
                    }
                }
            }
        }
    }
}
