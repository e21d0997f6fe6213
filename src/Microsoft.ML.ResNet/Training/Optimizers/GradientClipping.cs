using Microsoft.ML.ResNet.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Scales all gradients down together where their common norm is too long (Pascanu et al. 2012).</summary>
internal static class GradientClipping
{
    /// <summary>What PyTorch's clip_grad_norm_ adds to the norm.</summary>
    private const double Epsilon = 1e-6;

    /// <summary>Limits the norm of all gradients, taken as one vector, without waiting for a GPU to compute it.</summary>
    public static void Apply(ForeachOperations operations, IEnumerable<Parameter> parameters, double maximumNorm)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        operations.Clip([.. parameters.Select(parameter => parameter.grad).OfType<Tensor>()], maximumNorm, Epsilon);
    }

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
            double factor = maximumNorm / (norm + Epsilon);
            foreach (Tensor gradient in gradients)
            {
                gradient.MultiplyInPlace(factor);
            }
        }

        return norm;
    }
}
