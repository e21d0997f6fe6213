using System.Globalization;
using Spectre.Console;

namespace ImageClassification.Comparison;

/// <summary>The results, the best first; candidates without a model come last.</summary>
internal sealed record Leaderboard
{
    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    public required double TotalSeconds { get; init; }

    /// <summary>Whether it was cancelled before all candidates had run.</summary>
    public required bool IsStoppedEarly { get; init; }

    /// <summary>Where the best model is; null where no candidate has one.</summary>
    public required string? ModelPath { get; init; }

    public required IReadOnlyList<CandidateResult> Results { get; init; }

    /// <summary>Ranks by accuracy, and by log-loss where that is equal.</summary>
    public static IReadOnlyList<CandidateResult> Ranked(IEnumerable<CandidateResult> results)
    {
        ILookup<bool, CandidateResult> byModel = results.ToLookup(result => result.Error is null);
        return
        [
            .. byModel[true].OrderByDescending(result => result.MicroAccuracy).ThenBy(result => result.LogLoss).Select((result, i) => result with { Rank = i + 1 }),
            .. byModel[false],
        ];
    }

    public void Show(IAnsiConsole console)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(Right("Rank")).AddColumn(new TableColumn("Trainer"));
        foreach (string name in (string[])["Micro", "Macro", "Log-loss", "Training", "Images/s", "MB", "Parameters"])
        {
            table.AddColumn(Right(name));
        }

        foreach (CandidateResult result in Results.Where(result => result.Error is null))
        {
            var style = new Style(decoration: result.Rank == 1 ? Decoration.Bold : Decoration.None);
            string[] cells =
            [
                Number(result.Rank, "0"), result.Trainer, Number(result.MicroAccuracy, "0.000"), Number(result.MacroAccuracy, "0.000"), Number(result.LogLoss, "0.000"),
                $"{Number(result.TrainSeconds, "0.0")} s", Number(result.ScoringImagesPerSecond, "0"), Number(result.ModelMegabytes, "0.0"), Number(result.Parameters, "#,0"),
            ];
            table.AddRow(cells.Select(cell => new Text(cell, style)));
        }

        console.Write(table);
        foreach (CandidateResult result in Results.Where(result => result.Error is not null))
        {
            console.MarkupLineInterpolated($"[yellow]{result.Trainer}[/]: {result.Error}");
        }
    }

    private static TableColumn Right(string name) => new TableColumn(name).RightAligned().NoWrap();

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
