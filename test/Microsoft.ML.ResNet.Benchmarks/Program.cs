using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.ResNet.Benchmarks;

// Usage: dotnet run -c Release --project test/Microsoft.ML.ResNet.Benchmarks -- [NAME ...] [--quick] [--threads N] [--json FILE]
//    or: dotnet run -c Release --project test/Microsoft.ML.ResNet.Benchmarks -- accuracy --train DIR --test DIR [...]
//    or: dotnet run -c Release --project test/Microsoft.ML.ResNet.Benchmarks -- trust --train DIR --test DIR --size PIXELS [...]
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.FirstOrDefault() == AccuracyRun.Name)
{
    return AccuracyRun.Run(args[1..]);
}

if (args.FirstOrDefault() == TrustRun.Name)
{
    return TrustRun.Run(args[1..]);
}

IBenchmark[] all = [new DecodingBenchmark(), new CacheMemoryBenchmark(), new FeedBenchmark(), new FeedingBenchmark(), new KernelBenchmark(), new OnnxBenchmark(), new ScoringBenchmark(), new ServingBenchmark(), new TrainingBenchmark()];
bool quick = args.Contains("--quick");
int jsonAt = Array.IndexOf(args, "--json");
string? json = jsonAt >= 0 && jsonAt + 1 < args.Length ? args[jsonAt + 1] : null;
int threadsAt = Array.IndexOf(args, "--threads");
bool hasThreads = threadsAt >= 0 && threadsAt + 1 < args.Length && int.TryParse(args[threadsAt + 1], NumberStyles.None, CultureInfo.InvariantCulture, out BenchmarkThreads.Count) && BenchmarkThreads.Count > 0;
string[] names = [.. args.Where((argument, i) => !argument.StartsWith('-') && (jsonAt < 0 || i != jsonAt + 1) && (threadsAt < 0 || i != threadsAt + 1))];
if (names.FirstOrDefault(name => all.All(benchmark => benchmark.Name != name)) is { } unknown || (jsonAt >= 0 && json is null) || (threadsAt >= 0 && !hasThreads))
{
    Console.Error.WriteLine($"Expected [NAME ...] [--quick] [--threads N] [--json FILE], with names out of {string.Join(", ", all.Select(benchmark => benchmark.Name))}.");
    return 2;
}

BenchmarkThreads.Apply();
string machine = $"{BenchmarkThreads.Count} threads, {Environment.ProcessorCount} processors, {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.OSDescription}, .NET {Environment.Version}";
Console.WriteLine($"{machine}{(quick ? ", quick: the figures say only that the benchmarks run" : "")}");
List<BenchmarkResult> results = [];
foreach (IBenchmark benchmark in all.Where(benchmark => names.Length == 0 || names.Contains(benchmark.Name)))
{
    Console.WriteLine($"\n## {benchmark.Name}: {benchmark.Description}\n");
    Console.WriteLine("| what | median | unit | ratio to the first | ratios, lowest to highest |");
    Console.WriteLine("|---|---|---|---|---|");
    foreach (BenchmarkResult result in benchmark.Run(quick))
    {
        results.Add(result);
        Console.WriteLine($"| {result.What} | {result.Median:F1} | {result.Unit} | {result.Ratio:F2} | {result.LowestRatio:F2} to {result.HighestRatio:F2} |");
    }
}

if (json is not null)
{
    File.WriteAllText(json, JsonSerializer.Serialize(new { machine, quick, results }, new JsonSerializerOptions { WriteIndented = true }));
}

return 0;
