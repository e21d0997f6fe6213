using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Multinomial logistic regression with an L2 penalty, fitted to convergence by L-BFGS (Liu and Nocedal 1989) in float64. Features are
/// centred and scaled for it; the weights that it gives are for features as they are. The variances of features of a network differ by
/// orders of magnitude, which would take L-BFGS hundreds of iterations: the inverse of the Hessian at the first point, of one class instead of
/// all, preconditions it.
/// </summary>
internal sealed class LinearClassifier : IDisposable
{
    private const int MaximumIterations = 300, History = 20;

    /// <summary>The first steps, which say by what factor that Hessian is wrong.</summary>
    private const int StepsScaled = 4;

    /// <summary>The largest derivative at which a fit is said to have converged.</summary>
    public const double Converged = 1e-6;

    /// <summary>The rows that the curvature is estimated from, at most.</summary>
    private const int CurvatureRows = 2048;

    /// <summary>[N,F], or [N,N] in terms of <see cref="_basis"/>.</summary>
    private readonly Tensor _features;

    /// <summary>[F,N], orthonormal, where there are fewer rows than features.</summary>
    private readonly Tensor? _basis;
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
        Tensor scaled = (values - _mean) / _deviation;
        if (scaled.shape[0] < scaled.shape[1])
        {
            // With a penalty, the best weights are combinations of rows: fewer rows than features are as many numbers.
            var (basis, triangle) = linalg.qr(scaled.t());
            _basis = basis.DetachFromDisposeScope();
            scaled = triangle.t().contiguous();
        }

        _features = scaled.DetachFromDisposeScope();
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

        // Rows of a fold may all count nothing; the penalty alone is then what is fitted.
        weights = weights / weights.sum().Plus(tensor(1e-300));
        Tensor point = start?.clone() ?? zeros(ClassCount * (FeatureCount + 1), dtype: ScalarType.Float64);
        var (startMatrix, startBias) = Split(point);
        var (inverse, biasInverse) = InverseCurvature(features, weights, startMatrix, startBias, penalty);
        var (value, gradient) = Evaluate(point);
        LinkedList<(Tensor Step, Tensor Change, double Curvature)> memory = [];
        double scale = 1;
        for (int iteration = 0; iteration < MaximumIterations && gradient.abs().max().item<double>() > tolerance; iteration++)
        {
            Tensor direction = Direction(gradient, memory, Precondition, scale);
            double slope = direction.dot(gradient).item<double>();
            double length = 1;
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
                    if (memory.Count < StepsScaled)
                    {
                        scale = curvature / change.dot(Precondition(change)).item<double>();
                    }

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

        Tensor Precondition(Tensor vector)
        {
            var (matrix, bias) = Split(vector);
            return cat([matrix.matmul(inverse).flatten(), bias * biasInverse]);
        }

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

    /// <summary>[M,K] float64: the probabilities of rows, in the caller's scope.</summary>
    public Tensor Probabilities(Tensor point, Tensor rows)
    {
        using var scope = NewDisposeScope();
        var (matrix, bias) = Split(point);
        return _features.index_select(0, rows).matmul(matrix.t()).Plus(bias).softmax(1).MoveToOuterDisposeScope();
    }

    /// <summary>The weights and biases for features as they are, float32, in the caller's scope.</summary>
    public (Tensor Weight, Tensor Bias) Unscaled(Tensor point)
    {
        using var scope = NewDisposeScope();
        var (matrix, bias) = Split(point);
        Tensor weight = (_basis is null ? matrix : matrix.matmul(_basis.t())) / _deviation;
        return (weight.to(ScalarType.Float32).MoveToOuterDisposeScope(), (bias - weight.matmul(_mean)).to(ScalarType.Float32).MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        _features.Dispose();
        _basis?.Dispose();
        _targets.Dispose();
        _weights.Dispose();
        _mean.Dispose();
        _deviation.Dispose();
    }

    private static Tensor Squared(Tensor values) => values * values;

    /// <summary>
    /// The inverse of the Hessian at a point, for one class and the mean of all: [F,F], and the number for the bias. It is estimated from
    /// rows at equal distances where there are many.
    /// </summary>
    private static (Tensor Matrix, Tensor Bias) InverseCurvature(Tensor features, Tensor weights, Tensor matrix, Tensor bias, double penalty)
    {
        using var scope = NewDisposeScope();
        long count = features.shape[0], stride = (count + CurvatureRows - 1) / CurvatureRows;
        if (stride > 1)
        {
            Tensor rows = tensor(Enumerable.Range(0, (int)((count + stride - 1) / stride)).Select(row => row * stride).ToArray());
            (features, weights) = (features.index_select(0, rows), weights.index_select(0, rows));
        }

        Tensor probabilities = features.matmul(matrix.t()).Plus(bias).softmax(1);
        Tensor curvature = weights * (probabilities - Squared(probabilities)).mean([1]) * tensor(stride);
        Tensor hessian = (features * curvature.unsqueeze(1)).t().matmul(features).Plus(eye(features.shape[1], dtype: ScalarType.Float64) * tensor(penalty + 1e-9));
        return (cholesky_inverse(linalg.cholesky(hessian)).MoveToOuterDisposeScope(), curvature.sum().Plus(tensor(1e-6)).reciprocal().MoveToOuterDisposeScope());
    }

    private (Tensor Matrix, Tensor Bias) Split(Tensor point)
    {
        long size = ClassCount * FeatureCount;
        return (point.narrow(0, 0, size).view(ClassCount, FeatureCount), point.narrow(0, size, ClassCount));
    }

    /// <summary>The two-loop recursion: the gradient times an estimate of the inverse of the curvature, downhill.</summary>
    /// <param name="precondition">Multiplies by the first estimate, up to <paramref name="scale"/>.</param>
    private static Tensor Direction(Tensor gradient, LinkedList<(Tensor Step, Tensor Change, double Curvature)> memory, Func<Tensor, Tensor> precondition, double scale)
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

        direction = precondition(direction) * tensor(scale);
        for (var node = memory.First; node is not null; node = node.Next)
        {
            var (step, change, curvature) = node.Value;
            direction = direction.Plus(step * tensor(factors.Pop() - (change.dot(direction).item<double>() / curvature)));
        }

        return direction;
    }
}
