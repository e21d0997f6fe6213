using Microsoft.ML.ResNet.Interop;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Scales all gradients down together where their common norm is too long (Pascanu et al. 2012).</summary>
internal static class GradientClipping
{
    /// <summary>Limits the norm of all gradients, taken as one vector.</summary>
    /// <returns>The norm before.</returns>
    public static double Apply(IEnumerable<Parameter> parameters, double maximumNorm)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor[] gradients = [.. parameters.Select(parameter => parameter.grad).OfType<Tensor>()];
        double norm = stack(gradients.Select(gradient => gradient.norm())).norm().item<float>();
        if (norm > maximumNorm)
        {
            // The small number is PyTorch's, in clip_grad_norm_.
            double factor = maximumNorm / (norm + 1e-6);
            foreach (Tensor gradient in gradients)
            {
                gradient.MultiplyInPlace(factor);
            }
        }

        return norm;
    }
}
