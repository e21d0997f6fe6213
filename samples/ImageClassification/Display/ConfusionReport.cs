using System.Globalization;
using Microsoft.ML.Data;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>Shows which class is taken for which: as a matrix where it fits the console, else the pairs that are confused most.</summary>
internal static class ConfusionReport
{
    private const int PairsShown = 10;
    private const int LongestName = 24;

    public static void Show(IAnsiConsole console, ConfusionMatrix matrix, IReadOnlyList<string> classNames)
    {
        int cellWidth = Math.Max(Number(classNames.Count).Length, matrix.Counts.Max(row => row.Max(count => Number(count).Length))) + 2;
        int nameWidth = Math.Min(classNames.Max(name => name.GetCellWidth()), LongestName) + 6;
        if (nameWidth + (classNames.Count * cellWidth) <= console.Profile.Width)
        {
            ShowMatrix(console, matrix, classNames, cellWidth - 2);
        }
        else
        {
            ShowPairs(console, matrix, classNames);
        }

        console.WriteLine();
    }

    private static void ShowMatrix(IAnsiConsole console, ConfusionMatrix matrix, IReadOnlyList<string> classNames, int numberWidth)
    {
        console.MarkupLine("[bold]Confusion matrix[/] [grey](row: what the images are; column: what they are taken for)[/]");
        console.WriteLine();
        Grid grid = new Grid().AddColumn(new GridColumn().RightAligned().NoWrap().PadLeft(1).PadRight(1)).AddColumn(new GridColumn().PadLeft(0).PadRight(1).Width(Math.Min(classNames.Max(name => name.GetCellWidth()), LongestName)));
        foreach (string _ in classNames)
        {
            grid.AddColumn(new GridColumn().RightAligned().NoWrap().PadLeft(1).PadRight(1).Width(numberWidth));
        }

        grid.AddRow([Text.Empty, Text.Empty, .. classNames.Select((_, i) => new Text(Number(i + 1), new Style(Color.Grey)))]);
        for (int i = 0; i < classNames.Count; i++)
        {
            int row = i;
            grid.AddRow([new Text(Number(row + 1), new Style(Color.Grey)), new Text(classNames[row]), .. matrix.Counts[row].Select((count, column) => Cell(console, count, row == column))]);
        }

        console.Write(grid);
    }

    private static void ShowPairs(IAnsiConsole console, ConfusionMatrix matrix, IReadOnlyList<string> classNames)
    {
        var pairs = classNames
            .SelectMany((_, row) => classNames.Select((_, column) => (Row: row, Column: column, Count: matrix.Counts[row][column])))
            .Where(pair => pair.Row != pair.Column && pair.Count > 0)
            .OrderByDescending(pair => pair.Count)
            .Take(PairsShown);
        console.MarkupLineInterpolated($"[bold]Most often confused[/] [grey](a matrix of {classNames.Count} classes is too wide to show)[/]");
        Table table = new Table().Border(TableBorder.Simple).AddColumn("Is").AddColumn("Taken for").AddColumn(new TableColumn("Images").RightAligned());
        foreach (var (row, column, count) in pairs)
        {
            table.AddRow(new Text(classNames[row]), new Text(classNames[column]), new Text(Number(count)));
        }

        console.Write(table);
    }

    private static Text Cell(IAnsiConsole console, double count, bool isRight) => count == 0
        ? new Text(console.Profile.Capabilities.Unicode ? "·" : ".", new Style(Color.Grey))
        : new Text(Number(count), new Style(isRight ? Color.Green : Color.Red));

    private static string Number(double count) => count.ToString("0", CultureInfo.InvariantCulture);
}
