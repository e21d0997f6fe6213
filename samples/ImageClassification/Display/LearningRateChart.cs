using System.Globalization;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>Shows a range test: the loss over the learning rate, and the rates that it suggests.</summary>
internal static class LearningRateChart
{
    private const int Rows = 20, Width = 40;

    /// <summary>The suggested rates, in a line.</summary>
    public static string Suggestions(LearningRateCurve curve)
        => FormattableString.Invariant($"Learning rates   steepest {curve.Steepest:G2}, minimum over ten {curve.MinimumOverTen:G2}");

    public static void Show(IAnsiConsole console, LearningRateCurve curve)
    {
        int step = Math.Max(1, (curve.Points.Count + Rows - 1) / Rows);
        LearningRatePoint[] shown = [.. curve.Points.Where((_, i) => i % step == 0)];
        double smallest = shown.Min(point => point.SmoothedLoss), largest = shown.Max(point => point.SmoothedLoss);
        char bar = console.Profile.Capabilities.Unicode ? '━' : '#';
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumn(new TableColumn("Learning rate").RightAligned().NoWrap())
            .AddColumn(new TableColumn("Loss").RightAligned().NoWrap())
            .AddColumn(new TableColumn("").NoWrap());
        foreach (LearningRatePoint point in shown)
        {
            table.AddRow(
                new Text(point.LearningRate.ToString("0.0e+0", CultureInfo.InvariantCulture)),
                new Text(point.SmoothedLoss.ToString("F3", CultureInfo.InvariantCulture)),
                new Text(new string(bar, 1 + (int)Math.Round((point.SmoothedLoss - smallest) / (largest - smallest + 1e-12) * Width)), new Style(Color.Blue)));
        }

        console.Write(table);
        console.WriteLine(Suggestions(curve));
        console.WriteLine();
    }
}
