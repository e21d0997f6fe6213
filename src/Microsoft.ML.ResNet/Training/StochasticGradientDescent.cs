using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Stochastic gradient descent with momentum, in PyTorch's formulation: <c>v = momentum * v + (gradient + decay * weight)</c>,
/// <c>weight -= rate * v</c>. Weight decay leaves norms and biases out (He et al. 2018, "Bag of tricks", section 3.1).
/// </summary>
internal sealed class StochasticGradientDescent : IDisposable
{
    private readonly (Parameter Parameter, Tensor Velocity, double WeightDecay)[] _slots;
    private readonly double _momentum;

    public StochasticGradientDescent(IEnumerable<(Parameter Parameter, bool HasWeightDecay)> parameters, double momentum, double weightDecay)
    {
        _momentum = momentum;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _slots = [.. parameters.Select(item => (item.Parameter, zeros_like(item.Parameter), item.HasWeightDecay ? weightDecay : 0.0))];
        foreach (var (_, velocity, _) in _slots)
        {
            velocity.DetachFromDisposeScope();
        }
    }

    /// <summary>Takes one step along the gradients and forgets them.</summary>
    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (parameter, velocity, weightDecay) in _slots)
        {
            Tensor? gradient = parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            velocity.mul_(_momentum).add_(gradient);
            if (weightDecay != 0)
            {
                velocity.add_(parameter, alpha: weightDecay);
            }

            parameter.add_(velocity, alpha: -learningRate);
            parameter.grad = null;
        }
    }

    public void Dispose()
    {
        foreach (var (_, velocity, _) in _slots)
        {
            velocity.Dispose();
        }
    }
}
