using System.Numerics;
using System.Runtime.CompilerServices;
using Microsoft.ML.ResNet.Native;
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
    private readonly double _momentum;
    private readonly double _weightDecay;
    private readonly bool _nesterov;
    private readonly ForeachOperations? _foreach;

    /// <param name="operations">Steps for all parameters at once; null: one after the other, or together on the CPU.</param>
    public StochasticGradientDescent(
        IEnumerable<OptimizedParameter> parameters, double momentum, double weightDecay, bool nesterov = false, ForeachOperations? operations = null)
    {
        _foreach = operations;
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
        if (_foreach is not null)
        {
            StepAll(_foreach, learningRate);
            return;
        }

        var update = new Update((float)_momentum, _nesterov);
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
                update.Add(parameter, gradient, velocity, second: null, rate, hasWeightDecay ? _weightDecay : 0);
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

    /// <summary>All parameters of one rate and decay at once, on a GPU.</summary>
    private void StepAll(ForeachOperations operations, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var group in _slots.Where(slot => slot.Parameter.grad is not null).GroupBy(slot => (slot.HasWeightDecay, slot.RateScale)))
        {
            operations.Momentum(
                [.. group.Select(slot => slot.Parameter)],
                [.. group.Select(slot => slot.Parameter.grad!)],
                [.. group.Select(slot => slot.Velocity)],
                learningRate * group.Key.RateScale,
                group.Key.HasWeightDecay ? _weightDecay : 0,
                _momentum,
                _nesterov);
        }

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
    }

    /// <summary>By libtorch's operators, on any device.</summary>
    private void Step(Tensor parameter, Tensor gradient, Tensor velocity, double rate, bool hasWeightDecay)
    {
        if (hasWeightDecay)
        {
            gradient.AddInPlace(parameter, _weightDecay);
        }

        velocity.MultiplyInPlace(_momentum).AddInPlace(gradient);
        if (_nesterov)
        {
            gradient.AddInPlace(velocity, _momentum);
        }

        parameter.AddInPlace(_nesterov ? gradient : velocity, -rate);
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
