namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>Measures the library beside its peers in one run.</summary>
internal interface IBenchmark
{
    string Name { get; }

    string Description { get; }

    /// <summary>Runs the contestants by turns.</summary>
    IReadOnlyList<BenchmarkResult> Run(bool quick);
}

/// <summary>One line of a benchmark: the median over the rounds, and the ratios to the first contestant round by round.</summary>
internal sealed record BenchmarkResult(string Benchmark, string What, string Unit, double Median, double Ratio, double LowestRatio, double HighestRatio);
