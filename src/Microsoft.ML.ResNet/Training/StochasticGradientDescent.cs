using Microsoft.ML.ResNet.Interop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Stochastic gradient descent with momentum, in PyTorch's formulation: <c>v = momentum * v + (gradient + decay * weight)</c>,
/// <c>weight -= rate * v</c>, or <c>weight -= rate * (gradient + decay * weight + momentum * v)</c> after Nesterov. Weight decay leaves
/// norms and biases out (He et al. 2018, "Bag of tricks", section 3.1).
/// </summary>
internal sealed class StochasticGradientDescent : IOptimizer
{
    private readonly (string Name, Parameter Parameter, Tensor Velocity, bool HasWeightDecay, double RateScale)[] _slots;
    private readonly Scalar _momentum;
    private readonly Scalar _weightDecay;
    private readonly bool _nesterov;

    public StochasticGradientDescent(IEnumerable<OptimizedParameter> parameters, double momentum, double weightDecay, bool nesterov = false)
    {
        _momentum = momentum;
        _weightDecay = weightDecay;
        _nesterov = nesterov;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _slots = [.. parameters.Select(item => (item.Name, item.Parameter, zeros_like(item.Parameter), item.HasWeightDecay && weightDecay != 0, item.RateScale))];
        scope.Detach(_slots.Select(slot => slot.Velocity));
    }

    public IReadOnlyList<(string Name, Tensor Tensor)> State => [.. _slots.Select(slot => ($"velocity.{slot.Name}", slot.Velocity))];

    public long StepCount { get; set; }

    public void Step(double learningRate)
    {
        StepCount++;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (_, parameter, velocity, hasWeightDecay, rateScale) in _slots)
        {
            Tensor? gradient = parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            if (hasWeightDecay)
            {
                gradient.add_(parameter, _weightDecay);
            }

            velocity.mul_(_momentum).add_(gradient, TorchScalar.One);
            if (_nesterov)
            {
                gradient.add_(velocity, _momentum);
            }

            using Scalar rate = -learningRate * rateScale;
            parameter.add_(_nesterov ? gradient : velocity, rate);
            parameter.grad = null;
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Velocity.Dispose();
        }

        _momentum.Dispose();
        _weightDecay.Dispose();
    }
}
