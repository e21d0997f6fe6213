using System.Globalization;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>The report's curves, as SVG.</summary>
internal static class Charts
{
    private const double Width = 520, Height = 300;
    private static readonly OxyColor s_training = OxyColor.FromRgb(0x23, 0x57, 0xA5), s_validation = OxyColor.FromRgb(0xC2, 0x55, 0x0A), s_text = OxyColor.FromRgb(0x1B, 0x1F, 0x24);

    public static string Loss(IReadOnlyList<EpochMetrics> epochs) => Curves("Loss", epochs, epoch => epoch.TrainingLoss, epoch => epoch.ValidationLoss);

    public static string Accuracy(IReadOnlyList<EpochMetrics> epochs)
        => Curves("Accuracy", epochs, epoch => epoch.TrainingAccuracy, epoch => epoch.ValidationAccuracy, minimum: 0, maximum: 1);

    public static string LearningRate(IReadOnlyList<EpochMetrics> epochs) => Curves("Learning rate", epochs, epoch => epoch.LearningRate, _ => null, minimum: 0);

    /// <summary>The smoothed loss over the logarithm of the learning rate, with the two suggestions.</summary>
    public static string RangeTest(LearningRateCurve curve)
    {
        PlotModel plot = Create("Learning rate", out LinearAxis x, out LinearAxis y);
        plot.Axes.Remove(x);
        plot.Axes.Add(new LogarithmicAxis { Position = AxisPosition.Bottom, Title = "Learning rate", MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = x.MajorGridlineColor, TicklineColor = x.TicklineColor });

        // A loss that diverges would flatten all before it.
        double first = curve.Points[0].SmoothedLoss;
        (y.Minimum, y.Maximum) = (double.NaN, first * 1.5);
        LineSeries line = Line("smoothed loss", s_training);
        line.MarkerType = MarkerType.None;
        line.Points.AddRange(curve.Points.Select(point => new DataPoint(point.LearningRate, point.SmoothedLoss)));
        plot.Series.Add(line);
        foreach (var (title, rate, color) in new[] { ("steepest", curve.Steepest, s_validation), ("minimum over ten", curve.MinimumOverTen, OxyColor.FromRgb(0x2E, 0x7D, 0x32)) })
        {
            var mark = new LineSeries { Title = title, Color = color, StrokeThickness = 1.5, LineStyle = LineStyle.Dash };
            mark.Points.AddRange([new DataPoint(rate, curve.Points.Min(point => point.SmoothedLoss)), new DataPoint(rate, first * 1.5)]);
            plot.Series.Add(mark);
        }

        return Export("Learning rate finder", plot);
    }

    /// <summary>Accuracy over confidence, beside the diagonal of a calibrated model.</summary>
    public static string Reliability(CalibrationMetrics calibration)
    {
        PlotModel plot = Create("Confidence", out LinearAxis x, out LinearAxis y);
        (x.Minimum, x.Maximum, y.Minimum, y.Maximum) = (0, 1, 0, 1);
        var diagonal = new LineSeries { Title = "calibrated", Color = OxyColors.Gray, LineStyle = LineStyle.Dash, StrokeThickness = 1.5 };
        diagonal.Points.AddRange([new DataPoint(0, 0), new DataPoint(1, 1)]);
        LineSeries line = Line("model", s_training);
        line.Points.AddRange(calibration.Bins.Select(bin => new DataPoint(bin.Confidence, bin.Accuracy)));
        plot.Series.Add(diagonal);
        plot.Series.Add(line);
        return Export("Accuracy by confidence", plot);
    }

    private static string Curves(
        string title, IReadOnlyList<EpochMetrics> epochs, Func<EpochMetrics, double> training, Func<EpochMetrics, double?> validation, double minimum = double.NaN, double maximum = double.NaN)
    {
        PlotModel plot = Create("Epoch", out LinearAxis x, out LinearAxis y);
        (y.Minimum, y.Maximum) = (minimum, maximum);
        x.MinimumMajorStep = 1;
        x.MinimumMinorStep = 1;
        LineSeries first = Line("training", s_training);
        first.Points.AddRange(epochs.Select(epoch => new DataPoint(epoch.Epoch, training(epoch))));
        plot.Series.Add(first);
        DataPoint[] validated = [.. epochs.Where(epoch => validation(epoch) is not null).Select(epoch => new DataPoint(epoch.Epoch, validation(epoch)!.Value))];
        if (validated.Length > 0)
        {
            LineSeries second = Line("validation", s_validation);
            second.Points.AddRange(validated);
            plot.Series.Add(second);
        }

        return Export(title, plot);
    }

    private static LineSeries Line(string title, OxyColor color)
        => new() { Title = title, Color = color, StrokeThickness = 2, MarkerType = MarkerType.Circle, MarkerSize = 2.5, MarkerFill = color };

    private static PlotModel Create(string xTitle, out LinearAxis x, out LinearAxis y)
    {
        var plot = new PlotModel { DefaultFont = "Arial, sans-serif", DefaultFontSize = 12, TextColor = s_text, Background = OxyColors.White, PlotAreaBorderColor = OxyColors.LightGray, Culture = CultureInfo.InvariantCulture };
        plot.Padding = new OxyThickness(8, 12, 20, 10);
        x = Axis(AxisPosition.Bottom, xTitle);
        y = Axis(AxisPosition.Left, null);
        plot.Axes.Add(x);
        plot.Axes.Add(y);
        return plot;
    }

    private static LinearAxis Axis(AxisPosition position, string? title) => new()
    {
        Position = position,
        Title = title,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = OxyColor.FromRgb(0xE6, 0xE9, 0xED),
        TicklineColor = OxyColors.LightGray,
        MinorTickSize = 0,
        MaximumPadding = 0.05,
    };

    /// <summary>A figure with the chart; title and legend are the page's, whose fonts a chart can't measure.</summary>
    private static string Export(string title, PlotModel plot)
    {
        string svg = new SvgExporter { Width = Width, Height = Height, IsDocument = false }.ExportToString(plot);

        // The page scales it: what says the size becomes what says the ratio. Names of clipping paths have to differ within a page.
        int start = svg.IndexOf('>', svg.IndexOf("<svg", StringComparison.Ordinal)) + 1, end = svg.LastIndexOf("</svg>", StringComparison.Ordinal);
        string content = (end < 0 ? svg[start..] : svg[start..end]).Replace("clipPath", $"{title.Replace(' ', '-')}-clip", StringComparison.Ordinal)
            .Replace($"<{title.Replace(' ', '-')}-clip", "<clipPath", StringComparison.Ordinal).Replace($"</{title.Replace(' ', '-')}-clip", "</clipPath", StringComparison.Ordinal);
        IEnumerable<string> legend = plot.Series.Cast<LineSeries>().Select(series => $"<span><i style=\"background:{Css(series.Color)}\"></i>{series.Title}</span>");
        return $"<figure><figcaption><strong>{title}</strong>{(plot.Series.Count > 1 ? string.Concat(legend) : "")}</figcaption>"
            + $"<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {Width:0} {Height:0}\" xmlns=\"http://www.w3.org/2000/svg\">{content}</svg></figure>";
    }

    private static string Css(OxyColor color) => $"#{color.R:x2}{color.G:x2}{color.B:x2}";
}
