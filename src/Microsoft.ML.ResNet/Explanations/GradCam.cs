using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Explanations;

/// <summary>
/// Gradient-weighted class activation mapping (Selvaraju et al. 2017): the channels of a stage, each weighted by how much the class's logit
/// grows with it on the average over the image, added up; what speaks against the class is cut off.
/// </summary>
internal static class GradCam
{
    /// <summary>Computes the map of one image, on the CPU.</summary>
    /// <param name="network">In evaluation mode, on the CPU.</param>
    /// <param name="format">The network's input.</param>
    /// <param name="pixels">The image in this format.</param>
    /// <param name="classIndex">The class; null: the most probable one.</param>
    /// <param name="stage">The stage whose activations are looked at, 1 for the first.</param>
    public static ClassActivation Compute(ResidualNetwork network, InputFormat format, ReadOnlySpan<byte> pixels, int? classIndex, int stage)
    {
        using DisposeScope scope = NewDisposeScope();
        using var input = new NetworkInput(format, CPU);
        Tensor activations;
        using (no_grad())
        {
            activations = network.StageActivations(input.Create(pixels, 1), stage);
        }

        activations.requires_grad = true;
        Tensor logits;
        Tensor gradient;
        int index;
        using (enable_grad())
        {
            logits = network.StageLogits(activations, stage);
            index = classIndex ?? MostProbable(logits);
            gradient = autograd.grad([logits.narrow(1, index, 1)], [activations])[0];
        }

        using IDisposable withoutGradients = no_grad();
        Tensor map = gradient.mean([2, 3], keepdim: true).mul(activations).sum(1, keepdim: true).relu();
        Tensor enlarged = nn.functional.interpolate(map, [format.Height, format.Width], mode: InterpolationMode.Bilinear, align_corners: false);
        return new ClassActivation(index, Normalized(enlarged.contiguous().data<float>().ToArray()), logits.detach().softmax(1).data<float>().ToArray());
    }

    private static int MostProbable(Tensor logits)
    {
        float[] values = logits.detach().data<float>().ToArray();
        return Array.IndexOf(values, values.Max());
    }

    /// <summary>1 where the map is highest; a map of zeros stays so.</summary>
    private static float[] Normalized(float[] map)
    {
        float largest = map.Max();
        return largest > 0 ? Array.ConvertAll(map, value => value / largest) : map;
    }
}

/// <summary>What an image has of a class, and where.</summary>
/// <param name="ClassIndex">The class.</param>
/// <param name="Map">[Height, Width] of the network's input, 0 to 1.</param>
/// <param name="Probabilities">Of all classes.</param>
internal sealed record ClassActivation(int ClassIndex, float[] Map, float[] Probabilities);
