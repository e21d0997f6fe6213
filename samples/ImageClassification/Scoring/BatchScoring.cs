using System.Diagnostics;
using System.Globalization;
using ImageClassification.CommandLine;
using ImageClassification.Commands;
using TorchSharp;

namespace ImageClassification.Scoring;

/// <summary>Classifies many images in parts, each a file of results. Of several processes each takes every n-th part; parts that are there already are left alone.</summary>
internal sealed class BatchScoring(SavedModel model, ScoringFolder folder, PartFormat format, int top, Ranks ranks, Output output)
{
    /// <exception cref="OperationCanceledException">It is cancelled; the parts that are complete stay.</exception>
    public ScoringSummary Run(IReadOnlyList<ScoringPart> parts, CancellationToken cancellationToken)
    {
        if (ranks.OnThisMachine > 1)
        {
            torch.set_num_threads(Math.Max(1, Environment.ProcessorCount / ranks.OnThisMachine));
        }

        ScoringPart[] own = [.. parts.Where((_, i) => i % ranks.Count == ranks.Rank)];
        ScoringPart[] missing = [.. own.Where(part => !folder.Has(part))];
        string who = ranks.Count > 1 ? $"Rank {ranks.Rank} of {ranks.Count}: " : "";
        output.Text.WriteLine($"{who}{missing.Length} of {own.Length} parts to do.");
        var total = Stopwatch.StartNew();
        long images = 0, unreadable = 0;
        int failed = 0;
        foreach (ScoringPart part in missing)
        {
            var clock = Stopwatch.StartNew();
            long count, faults;
            try
            {
                (count, faults) = Score(part, cancellationToken);
            }
            catch (Exception exception) when (Failure.IsOfUser(exception))
            {
                // The images of a damaged tar file can't be listed; other parts are scored.
                failed++;
                Failure.Report(ExitCode.Failed, $"{who}'{folder.PathOf(part)}' is not written: {exception.Message}");
                continue;
            }

            images += count;
            unreadable += faults;
            output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{who}{folder.PathOf(part)}: {count} images{(faults > 0 ? $", {faults} of them unreadable" : "")}, {count / clock.Elapsed.TotalSeconds:F0} images/s"));
        }

        return new ScoringSummary(ranks.Rank, ranks.Count, missing.Length - failed, own.Length - missing.Length, failed, images, unreadable, images / total.Elapsed.TotalSeconds);
    }

    private (long Images, long Unreadable) Score(ScoringPart part, CancellationToken cancellationToken)
    {
        long images = 0, unreadable = 0;
        using PartWriter writer = PartWriter.Create(format, folder.PathOf(part), top);
        foreach (Classification result in new ImageClassifier(model, top).Classify(part.Images(), cancellationToken))
        {
            writer.Add(result);
            images++;
            if (result.Error is { } error)
            {
                unreadable++;
                Failure.Report(ExitCode.Failed, error);
            }
        }

        writer.Complete();
        return (images, unreadable);
    }
}
