namespace Microsoft.ML.ResNet.Calibrating;

/// <summary>
/// Temperature scaling (Guo et al. 2017): one number by which all logits are divided, so that the log-loss on images that the network was not
/// trained on is the lowest. It changes no prediction.
/// </summary>
internal static class TemperatureScaling
{
    /// <summary>The range of the temperature. Beyond it the images tell nothing, as where all of them are right.</summary>
    public const double Lowest = 0.05, Highest = 20;

    // Of a probability that is 0 in single precision.
    private const double SmallestProbability = 1e-38;
    private const int Steps = 60;

    /// <summary>The loss of a row.</summary>
    public static double Loss(float probability) => -Math.Log(Math.Max(probability, SmallestProbability));

    /// <summary>The temperature of the lowest log-loss, which has one minimum in its inverse.</summary>
    public static double Fit(ScoredRows rows)
    {
        double[][] logits = [.. rows.Scores.Select(scores => Array.ConvertAll(scores, score => -Loss(score)))];

        // Golden-section search over the logarithm.
        double ratio = (Math.Sqrt(5) - 1) / 2, low = Math.Log(Lowest), high = Math.Log(Highest);
        double left = high - (ratio * (high - low)), right = low + (ratio * (high - low));
        double leftLoss = MeanLoss(left), rightLoss = MeanLoss(right);
        for (int i = 0; i < Steps; i++)
        {
            if (leftLoss < rightLoss)
            {
                (high, right, rightLoss) = (right, left, leftLoss);
                left = high - (ratio * (high - low));
                leftLoss = MeanLoss(left);
            }
            else
            {
                (low, left, leftLoss) = (left, right, rightLoss);
                right = low + (ratio * (high - low));
                rightLoss = MeanLoss(right);
            }
        }

        return Math.Exp((low + high) / 2);

        double MeanLoss(double logarithm)
        {
            double factor = Math.Exp(-logarithm), sum = 0;
            for (int i = 0; i < logits.Length; i++)
            {
                double largest = logits[i].Max() * factor, total = 0;
                foreach (double logit in logits[i])
                {
                    total += Math.Exp((logit * factor) - largest);
                }

                sum += Math.Log(total) + largest - (logits[i][rows.Labels[i]] * factor);
            }

            return sum / logits.Length;
        }
    }
}
