using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2017, algorithm 2), in PyTorch's formulation. Weight decay leaves norms and
/// biases out.
/// </summary>
internal sealed class AdamW : IOptimizer
{
    /// <summary>Kingma and Ba 2014, algorithm 1.</summary>
    private const double Epsilon = 1e-8;

    private readonly (string Name, Parameter Parameter, Tensor Mean, Tensor Square, double WeightDecay, double RateScale)[] _slots;
    private readonly double _beta1;
    private readonly double _beta2;

    public AdamW(IEnumerable<OptimizedParameter> parameters, double beta1, double beta2, double weightDecay)
    {
        _beta1 = beta1;
        _beta2 = beta2;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _slots = [.. parameters.Select(item => (item.Name, item.Parameter, zeros_like(item.Parameter), zeros_like(item.Parameter), item.HasWeightDecay ? weightDecay : 0.0, item.RateScale))];
        scope.Detach(_slots.SelectMany(slot => new[] { slot.Mean, slot.Square }));
    }

    public IReadOnlyList<(string Name, Tensor Tensor)> State
        => [.. _slots.SelectMany(slot => new[] { ($"mean.{slot.Name}", slot.Mean), ($"square.{slot.Name}", slot.Square) })];

    public long StepCount { get; set; }

    public void Step(double learningRate)
    {
        StepCount++;
        double meanCorrection = 1 - Math.Pow(_beta1, StepCount), squareCorrection = Math.Sqrt(1 - Math.Pow(_beta2, StepCount));
        using Scalar beta1 = _beta1, beta2 = _beta2, rest1 = 1 - _beta1, rest2 = 1 - _beta2, correction = squareCorrection, epsilon = Epsilon;
        using var noGradient = no_grad();
        foreach (var (_, parameter, mean, square, weightDecay, rateScale) in _slots)
        {
            using var scope = NewDisposeScope();
            Tensor? gradient = parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            double rate = learningRate * rateScale;
            if (weightDecay != 0)
            {
                using Scalar kept = 1 - (rate * weightDecay);
                parameter.mul_(kept);
            }

            mean.mul_(beta1).add_(gradient, rest1);
            square.mul_(beta2).addcmul_(gradient, gradient, rest2);
            Tensor deviation = square.sqrt().div_(correction).add_(epsilon);
            using Scalar step = -rate / meanCorrection;
            parameter.addcdiv_(mean, deviation, step);
            parameter.grad = null;
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
        }
    }
}
