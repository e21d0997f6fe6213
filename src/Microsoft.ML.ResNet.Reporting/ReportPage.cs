using System.Globalization;
using System.Reflection;
using Microsoft.ML.Data;
using SkiaSharp;
using static Microsoft.ML.ResNet.Reporting.HtmlPage;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>The HTML of a report.</summary>
internal sealed class ReportPage
{
    private const int LargestMatrix = 60, PairsShown = 20, ClassesWithSamples = 30;

    private readonly HtmlPage _page;

    private ReportPage(HtmlPage page) => _page = page;

    public static HtmlPage Create(ResNetTransformer network, TestResults results, DataSummary? training, TrainingReportOptions options)
    {
        string note = $"{Name(network)}, {network.ClassNames.Count} classes, input {network.Preprocessing.Width}x{network.Preprocessing.Height}; {Number(results.Images.Count)} test images";
        var report = new ReportPage(new HtmlPage(options.Title, note));
        report.WriteFigures(results);
        report.WriteCurves(network.TrainingHistory);
        report.WriteRangeTest(options.LearningRates);
        report.WriteMatrix(results);
        report.WriteClasses(results);
        report.WriteMistakes(results, network, options);
        report.WriteReliability(results.Calibration);
        report.WriteData(results, training);
        report.WriteRun(network, results, options);
        return report._page;
    }

    private static string Size(SKSizeI size) => $"{size.Width}x{size.Height}";

    private void Add(string html) => _page.Add(html);

    private static string Name(ResNetTransformer network) => network.Architecture?.ToString() ?? "Residual network";

    private void WriteFigures(TestResults results)
    {
        MulticlassClassificationMetrics metrics = results.Metrics;
        Add("<ul class=\"figures\">");
        _page.Figure("Test accuracy", Percent(metrics.MicroAccuracy), $"{Number(results.CorrectCount)} of {Number(results.Images.Count)} images right");
        _page.Figure("Macro accuracy", Percent(metrics.MacroAccuracy), "mean over the classes");
        _page.Figure("Log-loss", Number(metrics.LogLoss, "F3"), $"guessing has {Number(Math.Log(results.ClassNames.Count), "F3")}");
        _page.Figure("Calibration error", Percent(results.Calibration.ExpectedCalibrationError), "mean distance of confidence and accuracy");
        Add("</ul>");
    }

    private void WriteCurves(IReadOnlyList<EpochMetrics> epochs)
    {
        Add("<h2>Training</h2>");
        if (epochs.Count < 2)
        {
            Add(epochs.Count == 0
                ? "<p>The model has no history of epochs.</p>"
                : $"<p>One epoch: training loss {Number(epochs[0].TrainingLoss, "F3")}, training accuracy {Percent(epochs[0].TrainingAccuracy)}. Curves need two.</p>");
            return;
        }

        Add($"<div class=\"charts\">\n{Charts.Loss(epochs)}\n{Charts.Accuracy(epochs)}\n{Charts.LearningRate(epochs)}\n</div>");
        Add("<p class=\"muted\">Training accuracy is that of augmented images, during the epoch.</p>");
    }

    private void WriteRangeTest(LearningRateCurve? curve)
    {
        if (curve is not null)
        {
            Add($"<h2>Learning rate finder</h2>\n<div class=\"charts\">\n{Charts.RangeTest(curve)}\n</div>");
            Add($"<p>The loss falls fastest at {Number(curve.Steepest, "G2")}. A tenth of the rate with the lowest loss is {Number(curve.MinimumOverTen, "G2")}. The test took {curve.Points.Count} steps.</p>");
        }
    }

    private void WriteMatrix(TestResults results)
    {
        ConfusionMatrix matrix = results.Metrics.ConfusionMatrix;
        int count = results.ClassNames.Count;
        Add("<h2>Confusion matrix</h2>");
        if (count <= LargestMatrix)
        {
            Add("<p class=\"muted\">Row: what the images are; column: what they are taken for.</p>\n<div class=\"scroll\"><table class=\"matrix\">");
            Add($"<thead><tr><td></td>{string.Concat(results.ClassNames.Select(name => $"<th scope=\"col\"><span>{Text(name)}</span></th>"))}</tr></thead>\n<tbody>");
            for (int row = 0; row < count; row++)
            {
                double images = Math.Max(1, matrix.Counts[row].Sum());
                Add($"<tr><th scope=\"row\">{Text(results.ClassNames[row])}</th>{string.Concat(matrix.Counts[row].Select((value, column) => Cell(value, value / images, row == column)))}</tr>");
            }

            Add("</tbody></table></div>");
        }

        var pairs = Enumerable.Range(0, count)
            .SelectMany(row => Enumerable.Range(0, count).Select(column => (Row: row, Column: column, Count: matrix.Counts[row][column])))
            .Where(pair => pair.Row != pair.Column && pair.Count > 0)
            .OrderByDescending(pair => pair.Count)
            .Take(count <= LargestMatrix ? 5 : PairsShown)
            .ToArray();
        if (pairs.Length > 0)
        {
            Add($"<p>Most often confused: {string.Join("; ", pairs.Select(pair => $"{Text(results.ClassNames[pair.Row])} taken for {Text(results.ClassNames[pair.Column])} ({Number(pair.Count)})"))}.</p>");
        }
    }

    /// <summary>Blue for what is right, red for what is wrong, the darker the larger the share of the row.</summary>
    private static string Cell(double count, double share, bool isRight)
    {
        if (count == 0)
        {
            return "<td></td>";
        }

        (int red, int green, int blue) = isRight ? (0x23, 0x57, 0xA5) : (0xA4, 0x0E, 0x26);
        double strength = 0.12 + (0.88 * share);
        int Mix(int value) => (int)Math.Round(255 + ((value - 255) * strength));
        return string.Create(CultureInfo.InvariantCulture, $"<td style=\"background:#{Mix(red):x2}{Mix(green):x2}{Mix(blue):x2};color:{(strength > 0.55 ? "#fff" : "#1b1f24")}\">{count:0}</td>");
    }

    private void WriteClasses(TestResults results)
    {
        ConfusionMatrix matrix = results.Metrics.ConfusionMatrix;
        Add("<h2>Classes</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Images</th><th scope=\"col\">Recall</th><th scope=\"col\">Precision</th><th scope=\"col\">F1</th></tr></thead>\n<tbody>");
        for (int i = 0; i < results.ClassNames.Count; i++)
        {
            double right = matrix.Counts[i][i], images = matrix.Counts[i].Sum(), predicted = matrix.Counts.Sum(row => row[i]);
            Add($"<tr><th scope=\"row\">{Text(results.ClassNames[i])}</th><td>{Number(images)}</td><td>{Percent(right / images)}</td><td>{Percent(right / predicted)}</td><td>{Percent(2 * right / (images + predicted))}</td></tr>");
        }

        Add("</tbody></table></div>");
    }

    private void WriteMistakes(TestResults results, ResNetTransformer network, TrainingReportOptions options)
    {
        TestedImage[] mistakes = [.. results.Mistakes.Take(options.MaxMistakes)];
        bool isExplained = options.ExplainMistakes && mistakes.Any(mistake => mistake.Image is not null);
        Add($"<h2>Most confident mistakes</h2>\n<p class=\"muted\">{Number(results.Images.Count - results.CorrectCount)} mistakes in all{(mistakes.Length > 0 ? $", the {Number(mistakes.Length)} most confident here" : "")}."
            + $"{(isExplained ? " Beside each, from red to yellow, what speaks for the class that it is taken for (Grad-CAM); what the network does not see is dark." : "")}</p>\n<ul class=\"images{(isExplained ? " explained" : "")}\">");
        foreach (TestedImage mistake in mistakes)
        {
            string label = results.ClassNames[mistake.Label], predicted = results.ClassNames[mistake.Predicted];
            string explanation = isExplained ? Picture(Explanation(network, mistake.Image, predicted), $"What speaks for {predicted}") : "";
            Add($"<li><span class=\"pictures\">{Picture(mistake.Image, $"{label}, taken for {predicted}")}{explanation}</span>{Text(label)}<br>taken for <span class=\"wrong\">{Text(predicted)}</span>, {Percent(mistake.Confidence)}{(mistake.Image?.Name is { } name ? $"<br><span class=\"muted\">{Text(name)}</span>" : "")}</li>");
        }

        Add("</ul>");
    }

    /// <summary>Null where the image can't be read any more.</summary>
    private static ImageContent? Explanation(ResNetTransformer network, ImageContent? image, string className)
    {
        try
        {
            return image is null ? null : new ImageContent(null, network.Explain(image.Read(), className).ToPng());
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void WriteReliability(CalibrationMetrics calibration)
    {
        Add($"<h2>Reliability</h2>\n<p class=\"muted\">How often the model is right when it is so confident. Below the line it is overconfident. Expected calibration error over tenths: {Percent(calibration.ExpectedCalibrationError)}.</p>");
        Add($"<div class=\"charts\">\n{Charts.Reliability(calibration)}\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Confidence</th><th scope=\"col\">Images</th><th scope=\"col\">Accuracy</th></tr></thead>\n<tbody>");
        foreach (CalibrationBin bin in calibration.Bins)
        {
            Add($"<tr><td>{Percent(bin.Confidence)}</td><td>{Number(bin.Count)}</td><td>{Percent(bin.Accuracy)}</td></tr>");
        }

        Add("</tbody></table></div>\n</div>");
    }

    private void WriteData(TestResults results, DataSummary? training)
    {
        if (training is null)
        {
            return;
        }

        Add($"<h2>Data</h2>\n<p>{Number(training.Total)} training images and {Number(results.Images.Count)} test images of {results.ClassNames.Count} classes.");
        if (training.Sizes is { } sizes)
        {
            Add(sizes.Smallest == sizes.Largest
                ? $"Training images have {Size(sizes.Median)} pixels."
                : $"Training images have {Size(sizes.Smallest)} to {Size(sizes.Largest)} pixels, the median {Size(sizes.Median)}.");
        }

        Add("</p>\n<div class=\"scroll\"><table class=\"samples\">\n<thead><tr><th scope=\"col\">Class</th><th scope=\"col\">Training</th><th scope=\"col\">Test</th><th scope=\"col\">Samples</th></tr></thead>\n<tbody>");
        for (int i = 0; i < results.ClassNames.Count; i++)
        {
            string samples = i < ClassesWithSamples ? string.Concat(training.Samples[i].Select(image => Picture(image, results.ClassNames[i]))) : "";
            Add($"<tr><th scope=\"row\">{Text(results.ClassNames[i])}</th><td>{Number(training.Counts[i])}</td><td>{Number(results.Metrics.ConfusionMatrix.Counts[i].Sum())}</td><td>{samples}</td></tr>");
        }

        Add("</tbody></table></div>");
    }

    private void WriteRun(ResNetTransformer network, TestResults results, TrainingReportOptions options)
    {
        Add("<h2>Run</h2>\n<div class=\"scroll\"><table class=\"texts\"><tbody>");
        IReadOnlyList<EpochMetrics> epochs = network.TrainingHistory;
        Row("Network", $"{Name(network)}, {Number(network.Specification.CountParameters(network.ClassNames.Count))} parameters");
        Row("Epochs", Number(epochs.Count));
        if (network.MinimumScore > 0)
        {
            TestedImage[] covered = [.. results.Images.Where(image => image.Confidence >= network.MinimumScore)];
            string right = covered.Length == 0 ? "" : $", {Percent(covered.Count(image => image.IsCorrect) / (double)covered.Length)} of them right";
            Row("Minimum score", $"{Number(network.MinimumScore, "G3")}, reached by {Number(covered.Length)} of {Number(results.Images.Count)} test images{right}; the model gives the others no label");
        }

        if (options.Seed is { } seed)
        {
            Row("Seed", seed.ToString(CultureInfo.InvariantCulture));
        }

        if ((options.TrainingTime ?? (epochs.Count > 0 ? epochs[^1].Elapsed : null)) is { } time)
        {
            Row("Training time", $"{Number(time.TotalSeconds, "N1")} s");
            double images = epochs.Sum(epoch => (double)epoch.ImageCount);
            if (images > 0 && time > TimeSpan.Zero)
            {
                Row("Speed", $"{Number(images / time.TotalSeconds)} images/s");
            }
        }

        Row("Processors", $"{Environment.ProcessorCount}, {System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture}");
        Row("Versions", string.Join(", ", Versions()));
        Add("</tbody></table></div>");
        if (options.TrainerOptions is { } used)
        {
            ILookup<bool, (string Name, string Value, bool IsDefault)> values = Options(used).ToLookup(option => option.IsDefault);
            Add("<h2>Options</h2>\n<div class=\"scroll\"><table class=\"texts\"><tbody>");
            WriteOptions(values[false]);
            Add("</tbody></table></div>\n<details><summary>Options with their defaults</summary>\n<div class=\"scroll\"><table class=\"texts\"><tbody>");
            WriteOptions(values[true]);
            Add("</tbody></table></div>\n</details>");
        }
    }

    private void WriteOptions(IEnumerable<(string Name, string Value, bool IsDefault)> options)
    {
        foreach (var (name, value, _) in options)
        {
            Row(name, value);
        }
    }

    private void Row(string name, string value) => Add($"<tr><th scope=\"row\">{Text(name)}</th><td>{Text(value)}</td></tr>");

    private static IEnumerable<string> Versions()
        => new[] { typeof(ResNetTransformer), typeof(MLContext), typeof(TorchSharp.torch) }
            .Select(type => type.Assembly)
            .Select(assembly => $"{assembly.GetName().Name} {assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]}")
            .Append($".NET {Environment.Version}");

    /// <summary>The options with values that a table can show, and whether each is the default.</summary>
    private static IEnumerable<(string Name, string Value, bool IsDefault)> Options(ResNetTrainer.Options options)
    {
        var defaults = new ResNetTrainer.Options();
        foreach (PropertyInfo property in typeof(ResNetTrainer.Options).GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(property => property.Name, StringComparer.Ordinal))
        {
            Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            bool isShown = type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(TimeSpan);
            object? value = isShown ? property.GetValue(options) : null;
            if (value is not null)
            {
                yield return (property.Name, Convert.ToString(value, CultureInfo.InvariantCulture)!, Equals(value, property.GetValue(defaults)));
            }
        }
    }
}
