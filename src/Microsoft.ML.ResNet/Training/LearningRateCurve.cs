using System.Collections.ObjectModel;

namespace Microsoft.ML.ResNet;

/// <summary>The loss over the learning rate, as a range test finds it (Smith 2017), and the rates that it suggests.</summary>
public sealed class LearningRateCurve
{
    /// <summary>The share of the tested rates at the beginning that no suggestion is taken from: the smoothed loss has to settle first.</summary>
    private const double Settling = 0.1;

    /// <summary>The tested rates at the end that no suggestion is taken from where the loss rose there: it is about to diverge.</summary>
    private const int Diverging = 5;

    /// <summary>The share of the tested rates that a slope is measured over: the noise of single batches is larger than the fall between them.</summary>
    private const double Slope = 0.25;

    internal LearningRateCurve(IReadOnlyList<LearningRatePoint> points)
    {
        Points = new ReadOnlyCollection<LearningRatePoint>([.. points]);
        int first = (int)(points.Count * Settling);
        LearningRatePoint[] considered = [.. points.Skip(first).Take(Math.Max(2, points.Count - first - Diverging))];
        Lowest = considered.MinBy(point => point.SmoothedLoss)!;
        MinimumOverTen = Lowest.LearningRate / 10;
        Steepest = SteepestOf(considered.AsSpan(0, Array.IndexOf(considered, Lowest) + 1), Math.Max(2, (int)(points.Count * Slope)));
    }

    /// <summary>The steps of the test, one for each learning rate, rising.</summary>
    public IReadOnlyList<LearningRatePoint> Points { get; }

    /// <summary>
    /// The learning rate at which the smoothed loss falls fastest over the logarithm of the rate: a rate to train with. The slope is that of a line through a quarter of the steps, and the
    /// rate the middle of them. Only rates up to that of the lowest loss count, without the first tenth of the steps, whose loss is noise. Where the loss never falls it is the lowest of these rates.
    /// </summary>
    public double Steepest { get; }

    /// <summary>A tenth of the learning rate with the lowest smoothed loss: a careful rate to train with.</summary>
    public double MinimumOverTen { get; }

    /// <summary>Where the smoothed loss is lowest.</summary>
    internal LearningRatePoint Lowest { get; }

    /// <summary>The middle of the steps through which the steepest line falls. The points are rising, and the last has the lowest loss.</summary>
    private static double SteepestOf(ReadOnlySpan<LearningRatePoint> points, int width)
    {
        width = Math.Min(width, points.Length);
        var (steepest, rate) = (0.0, points[0].LearningRate);
        for (int start = 0; start + width <= points.Length; start++)
        {
            var (slope, middle) = Line(points.Slice(start, width));
            if (slope < steepest)
            {
                (steepest, rate) = (slope, middle);
            }
        }

        return rate;
    }

    /// <summary>The slope of the smoothed loss over the logarithm of the rate, by least squares, and the geometric mean of the rates.</summary>
    private static (double Slope, double Middle) Line(ReadOnlySpan<LearningRatePoint> window)
    {
        double rates = 0, losses = 0;
        foreach (LearningRatePoint point in window)
        {
            rates += Math.Log(point.LearningRate) / window.Length;
            losses += point.SmoothedLoss / window.Length;
        }

        double products = 0, squares = 0;
        foreach (LearningRatePoint point in window)
        {
            double distance = Math.Log(point.LearningRate) - rates;
            products += distance * (point.SmoothedLoss - losses);
            squares += distance * distance;
        }

        return (products / squares, Math.Exp(rates));
    }
}

/// <summary>A step of a range test.</summary>
/// <param name="LearningRate">The learning rate of the step.</param>
/// <param name="Loss">The loss of the batch, before the step.</param>
/// <param name="SmoothedLoss">The exponential moving average of the losses so far, with momentum 0.98 and corrected for its start at zero.</param>
public sealed record LearningRatePoint(double LearningRate, double Loss, double SmoothedLoss);
