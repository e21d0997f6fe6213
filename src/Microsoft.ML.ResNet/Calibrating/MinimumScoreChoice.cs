using Microsoft.ML.ResNet.Calibrating;

namespace Microsoft.ML.ResNet;

/// <summary>A lowest probability at which a prediction is to be given, and what it costs. Made by <c>mlContext.MulticlassClassification.ChooseMinimumScore(...)</c>.</summary>
/// <param name="MinimumScore">The probability of the most probable class below which no prediction is given; 0 to 1.</param>
/// <param name="Precision">The share of the predictions that are right, of those that are given.</param>
/// <param name="Coverage">The share of the rows that get a prediction.</param>
/// <param name="IsReached">Whether the wanted precision is reached; where no score reaches it, this is the score of the highest precision.</param>
public sealed record MinimumScoreChoice(float MinimumScore, double Precision, double Coverage, bool IsReached)
{
    /// <summary>The lowest score at which the predictions have the precision: it costs the least coverage.</summary>
    internal static MinimumScoreChoice Choose(ScoredRows rows, double precision)
    {
        // From the surest on: each further row lowers the score to its own.
        var ordered = rows.Predictions().OrderByDescending(row => row.Confidence).ToArray();
        MinimumScoreChoice? chosen = null, best = null;
        int correct = 0;
        for (int i = 0; i < ordered.Length; i++)
        {
            correct += ordered[i].IsCorrect ? 1 : 0;
            if (i + 1 < ordered.Length && ordered[i + 1].Confidence == ordered[i].Confidence)
            {
                continue;
            }

            double reached = correct / (double)(i + 1);
            var choice = new MinimumScoreChoice(ordered[i].Confidence, reached, (i + 1) / (double)ordered.Length, reached >= precision);
            chosen = choice.IsReached ? choice : chosen;
            best = best is null || reached >= best.Precision ? choice : best;
        }

        return chosen ?? best!;
    }
}
