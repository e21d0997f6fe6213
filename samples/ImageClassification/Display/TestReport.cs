using System.Globalization;
using ImageClassification.Data;
using Microsoft.ML.Data;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>Shows how a model does on the test images: in total, by class, what it takes for what, and where it was worst.</summary>
internal static class TestReport
{
    private const int MistakesShown = 5;

    /// <param name="minimumScore">That of the model, or null.</param>
    public static void Show(IAnsiConsole console, TestResult result, IReadOnlyList<string> classNames, string testFolder, float? minimumScore)
    {
        ShowUnreadable(console, result);
        ShowTotals(console, result, minimumScore);
        ShowClasses(console, result.Metrics.ConfusionMatrix, classNames);
        ConfusionReport.Show(console, result.Metrics.ConfusionMatrix, classNames);
        ShowMistakes(console, result, classNames, testFolder);
    }

    public static void ShowModel(IAnsiConsole console, string modelPath, string reportPath)
    {
        string path = ShortPath.Of(modelPath);
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow(new Text("Model saved", new Style(decoration: Decoration.Bold)), new Text(path));
        grid.AddRow(new Text("Report", new Style(Color.Grey)), new Text(ShortPath.Of(reportPath)));
        string program = ImageData.FindBundledFolder() is null ? "resnet" : "this program with";
        grid.AddRow(new Text("Classify with it", new Style(Color.Grey)), new Text($"{program} predict --model {Quoted(path)} IMAGE..."));
        grid.AddRow(new Text("In your own code", new Style(Color.Grey)), new Text($"mlContext.Model.Load(\"{path.Replace('\\', '/')}\", out _)"));
        console.Write(grid);
        console.WriteLine();
    }

    public static void ShowUnreadable(IAnsiConsole console, TestResult result)
    {
        if (result.Unreadable.Count > 0)
        {
            console.MarkupLineInterpolated($"[yellow]{result.Unreadable.Count:N0} of {result.Unreadable.Count + result.Images.Count:N0} test images can't be read and are left out, such as {ShortPath.Of(result.Unreadable[0])}.[/]");
            console.WriteLine();
        }
    }

    /// <inheritdoc cref="Show"/>
    public static void ShowTotals(IAnsiConsole console, TestResult result, float? minimumScore)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().RightAligned().NoWrap()).AddColumn();
        grid.AddRow(new Text("Test accuracy", new Style(decoration: Decoration.Bold)), new Text(Percent(result.Metrics.MicroAccuracy), new Style(decoration: Decoration.Bold)), new Text($"{result.CorrectCount:N0} of {result.Images.Count:N0} images right", new Style(Color.Grey)));
        grid.AddRow(new Text("Macro accuracy"), new Text(Percent(result.Metrics.MacroAccuracy)), new Text("mean over the classes", new Style(Color.Grey)));
        grid.AddRow(new Text("Log-loss"), new Text(result.LogLoss?.ToString("F3", CultureInfo.InvariantCulture) ?? "-"), new Text($"guessing has {Math.Log(result.Metrics.ConfusionMatrix.NumberOfClasses):F3}", new Style(Color.Grey)));
        if (result.CoveredBy(minimumScore) is { } covered)
        {
            string right = covered.Accuracy is { } accuracy ? $", {Percent(accuracy)} of them right" : "";
            grid.AddRow(new Text("Minimum score"), new Text(covered.MinimumScore.ToString("G3", CultureInfo.InvariantCulture)), new Text($"reached by {covered.Count:N0} images, {Percent(covered.Coverage)}{right}; the others have no label", new Style(Color.Grey)));
        }

        console.Write(grid);
        console.WriteLine();
    }

    private static void ShowClasses(IAnsiConsole console, ConfusionMatrix matrix, IReadOnlyList<string> classNames)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("Class");
        foreach (string name in (string[])["Images", "Recall", "Precision"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
        }

        table.AddColumn(new TableColumn("").NoWrap());
        for (int i = 0; i < classNames.Count; i++)
        {
            double images = matrix.Counts[i].Sum();
            double predicted = matrix.Counts.Sum(row => row[i]);
            double recall = matrix.Counts[i][i] / images;
            table.AddRow(
                new Text(classNames[i]),
                new Text(images.ToString("N0", CultureInfo.InvariantCulture)),
                new Text(images == 0 ? "-" : Percent(recall)),
                new Text(predicted == 0 ? "-" : Percent(matrix.Counts[i][i] / predicted)),
                images == 0 ? Text.Empty : Gauge(console, recall));
        }

        console.Write(table);
    }

    /// <summary>Recall as a bar, so that weak classes are seen at a glance.</summary>
    private static Text Gauge(IAnsiConsole console, double share)
    {
        const int width = 20;
        char full = console.Profile.Capabilities.Unicode ? '━' : '#';
        return new Text(new string(full, (int)Math.Round(share * width)), new Style(share >= 0.9 ? Color.Green : share >= 0.7 ? Color.Yellow : Color.Red));
    }

    private static void ShowMistakes(IAnsiConsole console, TestResult result, IReadOnlyList<string> classNames, string testFolder)
    {
        TestedImage[] mistakes = [.. result.MistakesOf(classNames).Take(MistakesShown)];
        if (mistakes.Length == 0)
        {
            console.WriteLine("No mistakes.");
            console.WriteLine();
            return;
        }

        console.MarkupLineInterpolated($"[bold]Worst mistakes[/] [grey](files in {ShortPath.Of(testFolder)})[/]");
        Table table = new Table().Border(TableBorder.Simple).AddColumn("File").AddColumn("Is").AddColumn("Taken for").AddColumn(new TableColumn("Probability").RightAligned().NoWrap());
        foreach (TestedImage mistake in mistakes)
        {
            table.AddRow(
                new Text(Path.GetRelativePath(testFolder, mistake.ImagePath)),
                new Text(mistake.Label),
                new Text(classNames[mistake.MostProbable], new Style(Color.Red)),
                new Text(Percent(mistake.Score.Max())));
        }

        console.Write(table);
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:F1} %");

    private static string Quoted(string path) => path.Contains(' ') ? $"\"{path}\"" : path;
}
