using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
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

    /// <summary>Accuracy over confidence, beside the diagonal of a calibrated model.</summary>
    public static string Reliability(Calibration calibration)
    {
        PlotModel plot = Create("Reliability", "Confidence", "Accuracy", out LinearAxis x, out LinearAxis y);
        (x.Minimum, x.Maximum, y.Minimum, y.Maximum) = (0, 1, 0, 1);
        var diagonal = new LineSeries { Title = "calibrated", Color = OxyColors.Gray, LineStyle = LineStyle.Dash, StrokeThickness = 1.5 };
        diagonal.Points.AddRange([new DataPoint(0, 0), new DataPoint(1, 1)]);
        LineSeries line = Line("model", s_training);
        line.Points.AddRange(calibration.Bins.Select(bin => new DataPoint(bin.Confidence, bin.Accuracy)));
        plot.Series.Add(diagonal);
        plot.Series.Add(line);
        return Export(plot);
    }

    private static string Curves(
        string title, IReadOnlyList<EpochMetrics> epochs, Func<EpochMetrics, double> training, Func<EpochMetrics, double?> validation, double minimum = double.NaN, double maximum = double.NaN)
    {
        PlotModel plot = Create(title, "Epoch", title, out LinearAxis x, out LinearAxis y);
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

        return Export(plot);
    }

    private static LineSeries Line(string title, OxyColor color)
        => new() { Title = title, Color = color, StrokeThickness = 2, MarkerType = MarkerType.Circle, MarkerSize = 2.5, MarkerFill = color };

    private static PlotModel Create(string title, string xTitle, string yTitle, out LinearAxis x, out LinearAxis y)
    {
        var plot = new PlotModel { Title = title, TitleFontSize = 15, DefaultFontSize = 12, TextColor = s_text, Background = OxyColors.White, PlotAreaBorderColor = OxyColors.LightGray };
        x = Axis(AxisPosition.Bottom, xTitle);
        y = Axis(AxisPosition.Left, yTitle);
        plot.Axes.Add(x);
        plot.Axes.Add(y);
        plot.Legends.Add(new Legend { LegendPosition = LegendPosition.TopRight, LegendPlacement = LegendPlacement.Outside, LegendOrientation = LegendOrientation.Horizontal });
        return plot;
    }

    private static LinearAxis Axis(AxisPosition position, string title) => new()
    {
        Position = position,
        Title = title,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = OxyColor.FromRgb(0xE6, 0xE9, 0xED),
        TicklineColor = OxyColors.LightGray,
    };

    private static string Export(PlotModel plot)
    {
        string svg = new SvgExporter { Width = Width, Height = Height, IsDocument = false }.ExportToString(plot);

        // A page scales it: what says the size becomes what says the ratio.
        int end = svg.IndexOf('>', StringComparison.Ordinal);
        return $"<svg role=\"img\" aria-label=\"{plot.Title}\" viewBox=\"0 0 {Width:0} {Height:0}\" xmlns=\"http://www.w3.org/2000/svg\">{svg[(end + 1)..]}";
    }
}
