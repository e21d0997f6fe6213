namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>
/// Runs contestants by turns, round after round, so that whatever else the machine does falls on all of them; ratios are taken within a
/// round.
/// </summary>
internal static class Interleaved
{
    private const int PauseMilliseconds = 50;

    /// <param name="contestants">What each is called and what it measures: a figure of which more is better.</param>
    public static IReadOnlyList<BenchmarkResult> Run(string benchmark, string unit, int rounds, params (string What, Func<double> Measure)[] contestants)
    {
        double[][] figures = [.. contestants.Select(_ => new double[rounds])];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Length; i++)
            {
                // ONNX Runtime's threads spin for a while after their work, on cores that the next one needs.
                Thread.Sleep(PauseMilliseconds);
                figures[i][round] = contestants[i].Measure();
            }
        }

        return [.. contestants.Select((contestant, i) =>
        {
            double[] ratios = [.. figures[i].Zip(figures[0], (mine, first) => mine / first)];
            return new BenchmarkResult(benchmark, contestant.What, unit, Median(figures[i]), Median(ratios), ratios.Min(), ratios.Max());
        })];
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
