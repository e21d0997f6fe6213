using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>The first convolution with ReLU, and the max-pool of the ImageNet stem.</summary>
internal sealed class Stem(ConvolutionNorm convolution, bool hasMaxPool)
{
    public Tensor Forward(Tensor images, bool training)
    {
        Tensor activations = convolution.Forward(images, training).relu_();
        if (!hasMaxPool)
        {
            return activations;
        }

        using (activations)
        {
            return nn.functional.max_pool2d(activations, kernel_size: 3, stride: 2, padding: 1);
        }
    }
}
