using System.Collections.ObjectModel;

namespace Microsoft.ML.ResNet;

/// <summary>The loss over the learning rate, as a range test finds it (Smith 2017), and the rates that it suggests.</summary>
public sealed class LearningRateCurve
{
    /// <summary>The share of the tested rates at the beginning that no suggestion is taken from: the smoothed loss has to settle first.</summary>
    private const double Settling = 0.1;

    /// <summary>The tested rates at the end that no suggestion is taken from where the loss rose there: it is about to diverge.</summary>
    private const int Diverging = 5;

    internal LearningRateCurve(IReadOnlyList<LearningRatePoint> points)
    {
        Points = new ReadOnlyCollection<LearningRatePoint>([.. points]);
        int first = (int)(points.Count * Settling);
        LearningRatePoint[] considered = [.. points.Skip(first).Take(Math.Max(2, points.Count - first - Diverging))];
        Lowest = considered.MinBy(point => point.SmoothedLoss)!;
        MinimumOverTen = Lowest.LearningRate / 10;
        Steepest = considered.Zip(considered.Skip(1))
            .MinBy(pair => (pair.Second.SmoothedLoss - pair.First.SmoothedLoss) / Math.Log(pair.Second.LearningRate / pair.First.LearningRate)).First.LearningRate;
    }

    /// <summary>The steps of the test, one for each learning rate, rising.</summary>
    public IReadOnlyList<LearningRatePoint> Points { get; }

    /// <summary>The learning rate at which the smoothed loss falls fastest over the logarithm of the rate: a rate to train with.</summary>
    public double Steepest { get; }

    /// <summary>A tenth of the learning rate with the lowest smoothed loss: a careful rate to train with.</summary>
    public double MinimumOverTen { get; }

    /// <summary>Where the smoothed loss is lowest.</summary>
    internal LearningRatePoint Lowest { get; }
}

/// <summary>A step of a range test.</summary>
/// <param name="LearningRate">The learning rate of the step.</param>
/// <param name="Loss">The loss of the batch, before the step.</param>
/// <param name="SmoothedLoss">The exponential moving average of the losses so far, with momentum 0.98 and corrected for its start at zero.</param>
public sealed record LearningRatePoint(double LearningRate, double Loss, double SmoothedLoss);
