namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Where a training stands on its way from the first step to the last. Without a time limit a step is a step. With one, measured times
/// say how many steps still fit; where not all do, every step covers more of the way, so that the learning rate, which follows the way,
/// still anneals to its end.
/// </summary>
/// <param name="totalSteps">The steps of the whole training where time allows.</param>
/// <param name="stepsPerEpoch">The steps between two evaluations.</param>
/// <param name="limit">The time that the training may take, or null.</param>
/// <param name="relativeCost">The cost of a step at a share of the way, relative to the others: smaller images cost less.</param>
internal sealed class TimeBudget(int totalSteps, int stepsPerEpoch, TimeSpan? limit, Func<double, double> relativeCost)
{
    /// <summary>Steps that the first estimate needs, and over which later ones look back.</summary>
    private const int FirstEstimate = 3, Memory = 30;

    /// <summary>The share of the limit that is kept for what follows the last step.</summary>
    private const double Reserve = 0.01;

    private readonly Queue<(double Seconds, double Cost)> _recent = new();
    private double _stride = 1;
    private TimeSpan _elapsed;

    /// <summary>How far the training has come, 0 to the total number of steps: what the learning rate depends on.</summary>
    public double Position { get; set; }

    /// <summary>The time that is kept for what follows the last step, beside an evaluation.</summary>
    public TimeSpan Kept { get; set; }

    public bool IsOver => Position >= totalSteps - 1e-6;

    /// <summary>How far, 0 to 1.</summary>
    public double Share => Position / totalSteps;

    /// <summary>Whether it is known how many steps fit.</summary>
    public bool IsEstimated => limit is null || _recent.Count >= FirstEstimate;

    /// <summary>The epochs still to come, a part of one included, at the present stride.</summary>
    public double RemainingEpochs => (totalSteps - Position) / _stride / stepsPerEpoch;

    /// <summary>Takes in a step that has been done.</summary>
    /// <param name="step">The time that it took.</param>
    /// <param name="elapsed">The time since the training began.</param>
    /// <param name="evaluation">The time that the latest evaluation took, zero where there is none.</param>
    public void Advance(TimeSpan step, TimeSpan elapsed, TimeSpan evaluation)
    {
        _recent.Enqueue((step.TotalSeconds, relativeCost(Share)));
        if (_recent.Count > Memory)
        {
            _recent.Dequeue();
        }

        _elapsed = elapsed;
        if (limit is { } time)
        {
            _stride = Stride(time, elapsed, evaluation);
        }

        Position = Math.Min(Position + _stride, totalSteps);
    }

    /// <summary>
    /// Whether the time left after an evaluation now is too short for a quarter of an epoch and the last evaluation: the steps that still
    /// fit are then better followed by one evaluation than parted by two.
    /// </summary>
    /// <param name="evaluation">The time that an evaluation takes.</param>
    public bool EndsSoonAfter(TimeSpan evaluation)
    {
        if (limit is not { } time || IsOver || _recent.Count == 0)
        {
            return false;
        }

        double left = ((time * (1 - Reserve)) - _elapsed - (evaluation * 2)).TotalSeconds;
        return left < Unit() * relativeCost(Share) * Math.Max(1, stepsPerEpoch / 4.0);
    }

    /// <summary>The time that the rest of the training will take.</summary>
    /// <param name="evaluation">The time that an evaluation takes.</param>
    public TimeSpan RemainingTime(TimeSpan evaluation) => IsOver ? TimeSpan.Zero : (TimeSpan.FromSeconds(Unit() * RemainingCost()) + (evaluation * ((totalSteps - Position) / stepsPerEpoch))) / _stride;

    private double Stride(TimeSpan time, TimeSpan elapsed, TimeSpan evaluation)
    {
        double unit = Unit();
        double left = (time - elapsed - evaluation - Kept).TotalSeconds - (Reserve * time.TotalSeconds);
        double next = unit * relativeCost(Share);
        if (left < next)
        {
            return totalSteps - Position;
        }

        double needed = (unit * RemainingCost()) + (evaluation.TotalSeconds * (totalSteps - Position) / stepsPerEpoch);
        return _recent.Count < FirstEstimate ? 1 : Math.Max(1, needed / left);
    }

    /// <summary>Seconds for a step of cost 1, by the latest steps.</summary>
    private double Unit() => _recent.Sum(item => item.Seconds) / Math.Max(_recent.Sum(item => item.Cost), double.Epsilon);

    private double RemainingCost()
    {
        // The cost changes a few times on the way: a hundred samples are enough.
        const int samples = 100;
        double rest = 1 - Share, sum = 0;
        for (int i = 0; i < samples; i++)
        {
            sum += relativeCost(Share + (rest * (i + 0.5) / samples));
        }

        return sum / samples * (totalSteps - Position);
    }
}
