using System.Diagnostics;
using System.Globalization;
using ImageClassification.CommandLine;
using ImageClassification.Data;
using Microsoft.ML;

namespace ImageClassification.Comparison;

/// <summary>Runs the candidates one after the other and saves the best model.</summary>
internal sealed class Competition
{
    // Redirected output has no width of its own.
    private const int RedirectedWidth = 132;

    // Scoring and saving need some of a candidate's time, too.
    private const double TrainingShare = 0.8;

    private const string NotRun = "Not run to its end: the comparison was stopped.";

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ComparisonArguments _arguments;
    private readonly Output _output;
    private readonly CancellationToken _cancellationToken;

    public Competition(ComparisonArguments arguments, Output output, CancellationToken cancellationToken)
    {
        _arguments = arguments;
        _output = output;
        _cancellationToken = cancellationToken;
        if (output.IsRedirected)
        {
            output.Console.Profile.Width = RedirectedWidth;
        }
    }

    /// <summary>Does it all. A cancellation ends it with what there is.</summary>
    /// <returns>The results; the best model is in the file that the command line names.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled before there was any model.</exception>
    public Leaderboard Run()
    {
        ImageData data = ImageData.Load(new MLContext(_arguments.Seed), _arguments.ImageFolder, _arguments.TestFolder, _arguments.Seed);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("trainer-comparison-");
        try
        {
            IReadOnlyList<CandidateResult> results = Leaderboard.Ranked(RunCandidates(data, folder.FullName));
            CandidateResult? best = results.FirstOrDefault(result => result.Rank == 1);
            if (best is null)
            {
                _cancellationToken.ThrowIfCancellationRequested();
            }

            if (best is not null)
            {
                File.Copy(ModelOf(folder.FullName, best.Candidate), _arguments.ModelPath, overwrite: true);
            }

            return new Leaderboard
            {
                TrainImages = data.Training.Count,
                TestImages = data.Test.Count,
                Classes = data.ClassNames,
                TotalSeconds = _clock.Elapsed.TotalSeconds,
                IsStoppedEarly = results.Any(result => result.Error == NotRun),
                ModelPath = best is null ? null : Path.GetFullPath(_arguments.ModelPath),
                Results = results,
            };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private List<CandidateResult> RunCandidates(ImageData data, string folder)
    {
        Candidate[] candidates = [.. Candidate.All.Where(candidate => _arguments.Candidates.Contains(candidate.Name))];
        int size = ImageSize.Choose(data.Training);
        _output.Text.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{candidates.Length} candidates, {data.Training.Count:N0} training and {data.Test.Count:N0} test images, {data.ClassNames.Count} classes, at most {_arguments.Budget.TotalMinutes:F0} min"));
        List<CandidateResult> results = [];
        for (int i = 0; i < candidates.Length; i++)
        {
            TimeSpan share = (_arguments.Budget - _clock.Elapsed) / (candidates.Length - i) * TrainingShare;
            var task = new TrainingTask(size, _arguments.ImageSize, data.Training.Count, _arguments.Epochs, share, _cancellationToken);
            CandidateResult result = Try(candidates[i], data, task, ModelOf(folder, candidates[i].Name));
            results.Add(result);
            if (result.Error == NotRun)
            {
                continue;
            }

            string outcome = result.Error is null ? string.Create(CultureInfo.InvariantCulture, $"accuracy {result.MicroAccuracy:F3}") : "failed";
            _output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i + 1}/{candidates.Length}  {candidates[i].Title,-28} {outcome}  {_clock.Elapsed:h\\:mm\\:ss}"));
        }

        return results;
    }

    /// <summary>What goes wrong with a candidate is its result, whatever it is; the others go on.</summary>
    private CandidateResult Try(Candidate candidate, ImageData data, TrainingTask task, string modelPath)
    {
        if (task.Time <= TimeSpan.Zero)
        {
            return Without("Not run: the candidates before it used up the time.");
        }

        try
        {
            task.CancellationToken.ThrowIfCancellationRequested();
            return Measurement.Run(candidate, new MLContext(_arguments.Seed), data, task, modelPath);
        }
        catch (Exception exception)
        {
            // ML.NET wraps what happens on its own threads.
            Exception cause = exception.GetBaseException();
            return Without(cause is OperationCanceledException && task.CancellationToken.IsCancellationRequested ? NotRun : cause.Message);
        }

        CandidateResult Without(string error) => new() { Candidate = candidate.Name, Trainer = candidate.Title, Error = error };
    }

    private static string ModelOf(string folder, CandidateName candidate) => Path.Combine(folder, $"{candidate}.zip");
}
