using System.Numerics;
using System.Runtime.CompilerServices;
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
    private readonly double _momentumValue;
    private readonly double _weightDecayValue;
    private readonly bool _nesterov;

    public StochasticGradientDescent(IEnumerable<OptimizedParameter> parameters, double momentum, double weightDecay, bool nesterov = false)
    {
        _momentum = momentum;
        _weightDecay = weightDecay;
        _momentumValue = momentum;
        _weightDecayValue = weightDecay;
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
        var update = new Update((float)_momentumValue, _nesterov);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (_, parameter, velocity, hasWeightDecay, rateScale) in _slots)
        {
            Tensor? gradient = parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            double rate = learningRate * rateScale;
            if (FusedUpdate.Supports(parameter, velocity))
            {
                update.Add(parameter, gradient, velocity, second: null, rate, hasWeightDecay ? _weightDecayValue : 0);
            }
            else
            {
                Step(parameter, gradient, velocity, rate, hasWeightDecay);
            }
        }

        update.Run();
        foreach (var slot in _slots)
        {
            slot.Parameter.grad = null;
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

    /// <summary>By libtorch's operators, on any device.</summary>
    private void Step(Tensor parameter, Tensor gradient, Tensor velocity, double rate, bool hasWeightDecay)
    {
        if (hasWeightDecay)
        {
            gradient.add_(parameter, _weightDecay);
        }

        velocity.mul_(_momentum).add_(gradient, TorchScalar.One);
        if (_nesterov)
        {
            gradient.add_(velocity, _momentum);
        }

        using Scalar step = -rate;
        parameter.add_(_nesterov ? gradient : velocity, step);
    }

    private sealed unsafe class Update(float momentum, bool nesterov) : FusedUpdate
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Apply(in Piece piece)
        {
            float* weights = (float*)piece.Weights, gradients = (float*)piece.Gradients, velocities = (float*)piece.Firsts;
            int i = 0;
            for (; i <= piece.Count - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> weight = Vector.Load(weights + i), gradient = Vector.Load(gradients + i) + (weight * piece.Decay);
                Vector<float> velocity = (Vector.Load(velocities + i) * momentum) + gradient;
                velocity.Store(velocities + i);
                (weight - ((nesterov ? gradient + (velocity * momentum) : velocity) * piece.Rate)).Store(weights + i);
            }

            for (; i < piece.Count; i++)
            {
                float gradient = gradients[i] + (weights[i] * piece.Decay);
                velocities[i] = (velocities[i] * momentum) + gradient;
                weights[i] -= (nesterov ? gradient + (velocities[i] * momentum) : velocities[i]) * piece.Rate;
            }
        }
    }
}
