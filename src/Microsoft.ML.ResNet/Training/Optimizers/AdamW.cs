using System.Numerics;
using System.Runtime.CompilerServices;
using Microsoft.ML.ResNet.Native;
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
    private readonly ForeachOperations? _foreach;

    /// <param name="operations">Steps for all parameters at once; null: one after the other, or together on the CPU.</param>
    public AdamW(IEnumerable<OptimizedParameter> parameters, double beta1, double beta2, double weightDecay, ForeachOperations? operations = null)
    {
        _foreach = operations;
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
        if (_foreach is not null)
        {
            StepAll(_foreach, learningRate, meanCorrection, squareCorrection);
            return;
        }

        var update = new Update(_beta1, _beta2, squareCorrection);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (_, parameter, mean, square, weightDecay, rateScale) in _slots)
        {
            Tensor? gradient = parameter.grad;
            if (gradient is null)
            {
                continue;
            }

            double rate = learningRate * rateScale, step = rate / meanCorrection, kept = 1 - (rate * weightDecay);
            if (FusedUpdate.Supports(parameter, mean, square))
            {
                update.Add(parameter, gradient, mean, square, step, kept);
            }
            else
            {
                Step(parameter, gradient, mean, square, step, kept, squareCorrection);
            }
        }

        update.Run();
        foreach (var slot in _slots)
        {
            slot.Parameter.grad = null;
        }
    }

    /// <summary>All parameters of one rate and decay at once, on a GPU.</summary>
    private void StepAll(ForeachOperations operations, double learningRate, double meanCorrection, double squareCorrection)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var group in _slots.Where(slot => slot.Parameter.grad is not null).GroupBy(slot => (slot.WeightDecay, slot.RateScale)))
        {
            double rate = learningRate * group.Key.RateScale;
            operations.Adam(
                [.. group.Select(slot => slot.Parameter)],
                [.. group.Select(slot => slot.Parameter.grad!)],
                [.. group.Select(slot => slot.Mean)],
                [.. group.Select(slot => slot.Square)],
                rate / meanCorrection,
                1 - (rate * group.Key.WeightDecay),
                _beta1,
                _beta2,
                squareCorrection,
                Epsilon);
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
            slot.Mean.Dispose();
            slot.Square.Dispose();
        }
    }

    /// <summary>By libtorch's operators, on any device.</summary>
    private void Step(Tensor parameter, Tensor gradient, Tensor mean, Tensor square, double rate, double kept, double squareCorrection)
    {
        parameter.MultiplyInPlace(kept);
        mean.MultiplyInPlace(_beta1).AddInPlace(gradient, 1 - _beta1);
        square.MultiplyInPlace(_beta2).AddProductInPlace(gradient, gradient, 1 - _beta2);
        parameter.AddQuotientInPlace(mean, square.sqrt().DivideInPlace(squareCorrection).AddInPlace(Epsilon), -rate);
    }

    private sealed unsafe class Update(double beta1, double beta2, double squareCorrection) : FusedUpdate
    {
        private readonly float _beta1 = (float)beta1;
        private readonly float _beta2 = (float)beta2;
        private readonly float _rest1 = (float)(1 - beta1);
        private readonly float _rest2 = (float)(1 - beta2);
        private readonly float _correction = (float)squareCorrection;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        protected override void Apply(in Piece piece)
        {
            float* weights = (float*)piece.Weights, gradients = (float*)piece.Gradients, means = (float*)piece.Firsts, squares = (float*)piece.Seconds;
            var correction = new Vector<float>(_correction);
            var epsilon = new Vector<float>((float)Epsilon);
            int i = 0;
            for (; i <= piece.Count - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> gradient = Vector.Load(gradients + i);
                Vector<float> mean = (Vector.Load(means + i) * _beta1) + (gradient * _rest1);
                Vector<float> square = (Vector.Load(squares + i) * _beta2) + (gradient * gradient * _rest2);
                mean.Store(means + i);
                square.Store(squares + i);
                Vector<float> deviation = (Vector.SquareRoot(square) / correction) + epsilon;
                ((Vector.Load(weights + i) * piece.Decay) - (mean / deviation * piece.Rate)).Store(weights + i);
            }

            for (; i < piece.Count; i++)
            {
                means[i] = (means[i] * _beta1) + (gradients[i] * _rest1);
                squares[i] = (squares[i] * _beta2) + (gradients[i] * gradients[i] * _rest2);
                float deviation = (MathF.Sqrt(squares[i]) / _correction) + (float)Epsilon;
                weights[i] = (weights[i] * piece.Decay) - (means[i] / deviation * piece.Rate);
            }
        }
    }
}
