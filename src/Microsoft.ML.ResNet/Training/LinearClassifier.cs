using Microsoft.ML.ResNet.Interop;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Multinomial logistic regression with an L2 penalty, fitted to convergence by L-BFGS (Liu and Nocedal 1989) in float64. Features are
/// centred and scaled for it; the weights that it gives are for features as they are.
/// </summary>
internal sealed class LinearClassifier : IDisposable
{
    private const int MaximumIterations = 300, History = 10;

    /// <summary>The largest derivative at which a fit is said to have converged.</summary>
    public const double Converged = 1e-6;

    private readonly Tensor _features;
    private readonly Tensor _targets;
    private readonly Tensor _weights;
    private readonly Tensor _mean;
    private readonly Tensor _deviation;

    /// <param name="features">[N,F] float32.</param>
    /// <param name="targets">[N,K] float64: the wanted probabilities.</param>
    /// <param name="weights">[N] float64: how much each row counts.</param>
    public LinearClassifier(Tensor features, Tensor targets, Tensor weights)
    {
        using var scope = NewDisposeScope();
        Tensor values = features.to(ScalarType.Float64);
        _mean = values.mean([0]).DetachFromDisposeScope();

        // One scale for all features: a feature that hardly changes tells little, and one of its own would blow it up. Of ImageNet's features of
        // photographs, 5 and 60 images a class were told apart better so than with a scale for each (0.675 to 0.630, 0.90 to 0.88), 20 as well.
        _deviation = Squared(values - _mean).mean().sqrt().Plus(tensor(1e-12)).DetachFromDisposeScope();
        _features = ((values - _mean) / _deviation).DetachFromDisposeScope();
        _targets = targets.alias().DetachFromDisposeScope();
        _weights = (weights / weights.sum()).DetachFromDisposeScope();
    }

    private long FeatureCount => _features.shape[1];

    private long ClassCount => _targets.shape[1];

    /// <summary>Fits the weights to some of the rows.</summary>
    /// <param name="rows">[M] int64, or null for all.</param>
    /// <param name="penalty">The factor of half the squared norm of the weights.</param>
    /// <param name="start">Where to begin: the result of another fit, or null.</param>
    /// <param name="tolerance">The largest derivative at which the fit ends.</param>
    /// <param name="isTimeOver">Asked after every iteration; where it says so, the fit ends before it has converged. Null: never.</param>
    /// <returns>[K (F + 1)] float64: weights, then biases, of scaled features; in the caller's scope.</returns>
    public Tensor Fit(Tensor? rows, double penalty, Tensor? start, double tolerance = Converged, Func<bool>? isTimeOver = null)
    {
        using var scope = NewDisposeScope();
        Tensor features = rows is null ? _features : _features.index_select(0, rows);
        Tensor targets = rows is null ? _targets : _targets.index_select(0, rows);
        Tensor weights = rows is null ? _weights : _weights.index_select(0, rows);
        weights = weights / weights.sum();
        Tensor point = start?.clone() ?? zeros(ClassCount * (FeatureCount + 1), dtype: ScalarType.Float64);
        var (value, gradient) = Evaluate(point);
        LinkedList<(Tensor Step, Tensor Change, double Curvature)> memory = [];
        for (int iteration = 0; iteration < MaximumIterations && gradient.abs().max().item<double>() > tolerance; iteration++)
        {
            Tensor direction = Direction(gradient, memory);
            double slope = direction.dot(gradient).item<double>();
            double length = memory.Count == 0 ? 1 / Math.Max(1, gradient.norm().item<double>()) : 1;
            bool hasFallen = false;
            for (int tries = 0; tries < 25; tries++, length /= 2)
            {
                Tensor next = point.Plus(direction * tensor(length));
                var (nextValue, nextGradient) = Evaluate(next);
                if (nextValue > value + (1e-4 * length * slope))
                {
                    continue;
                }

                Tensor step = next - point, change = nextGradient - gradient;
                double curvature = step.dot(change).item<double>();
                if (curvature > 1e-12)
                {
                    memory.AddLast((step, change, curvature));
                    if (memory.Count > History)
                    {
                        memory.RemoveFirst();
                    }
                }

                hasFallen = value - nextValue > 1e-10 * Math.Abs(value);
                (point, value, gradient) = (next, nextValue, nextGradient);
                break;
            }

            if (!hasFallen || isTimeOver?.Invoke() == true)
            {
                break;
            }
        }

        return point.MoveToOuterDisposeScope();

        (double Value, Tensor Gradient) Evaluate(Tensor at)
        {
            var (matrix, bias) = Split(at);
            Tensor logits = features.matmul(matrix.t()).Plus(bias);
            Tensor logProbabilities = logits.log_softmax(1);
            double loss = -((targets * logProbabilities).sum(1) * weights).sum().item<double>() + (penalty / 2 * Squared(matrix).sum().item<double>());
            Tensor residual = (logProbabilities.exp() - targets) * weights.unsqueeze(1);
            return (loss, cat([residual.t().matmul(features).Plus(matrix * tensor(penalty)).flatten(), residual.sum([0L])]));
        }
    }

    /// <summary>The mean cross-entropy of rows, each counting as it should.</summary>
    public double Loss(Tensor point, Tensor rows)
    {
        using var scope = NewDisposeScope();
        var (matrix, bias) = Split(point);
        Tensor weights = _weights.index_select(0, rows);
        Tensor logProbabilities = _features.index_select(0, rows).matmul(matrix.t()).Plus(bias).log_softmax(1);
        return -((_targets.index_select(0, rows) * logProbabilities).sum(1) * weights).sum().item<double>() / Math.Max(weights.sum().item<double>(), 1e-12);
    }

    /// <summary>The weights and biases for features as they are, float32, in the caller's scope.</summary>
    public (Tensor Weight, Tensor Bias) Unscaled(Tensor point)
    {
        using var scope = NewDisposeScope();
        var (matrix, bias) = Split(point);
        Tensor weight = matrix / _deviation;
        return (weight.to(ScalarType.Float32).MoveToOuterDisposeScope(), (bias - weight.matmul(_mean)).to(ScalarType.Float32).MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        _features.Dispose();
        _targets.Dispose();
        _weights.Dispose();
        _mean.Dispose();
        _deviation.Dispose();
    }

    private static Tensor Squared(Tensor values) => values * values;

    private (Tensor Matrix, Tensor Bias) Split(Tensor point)
    {
        long size = ClassCount * FeatureCount;
        return (point.narrow(0, 0, size).view(ClassCount, FeatureCount), point.narrow(0, size, ClassCount));
    }

    /// <summary>The two-loop recursion: the gradient times an estimate of the inverse of the curvature, downhill.</summary>
    private static Tensor Direction(Tensor gradient, LinkedList<(Tensor Step, Tensor Change, double Curvature)> memory)
    {
        Tensor direction = -gradient;
        Stack<double> factors = new();
        for (var node = memory.Last; node is not null; node = node.Previous)
        {
            var (step, change, curvature) = node.Value;
            double factor = step.dot(direction).item<double>() / curvature;
            factors.Push(factor);
            direction = direction - (change * tensor(factor));
        }

        if (memory.Last is { Value: var (_, lastChange, lastCurvature) })
        {
            direction = direction * tensor(lastCurvature / lastChange.dot(lastChange).item<double>());
        }

        for (var node = memory.First; node is not null; node = node.Next)
        {
            var (step, change, curvature) = node.Value;
            direction = direction.Plus(step * tensor(factors.Pop() - (change.dot(direction).item<double>() / curvature)));
        }

        return direction;
    }
}
