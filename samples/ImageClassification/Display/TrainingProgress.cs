using System.Globalization;
using ImageClassification.CommandLine;
using Microsoft.ML.ResNet;
using Spectre.Console;

namespace ImageClassification.Display;

/// <summary>Shows a training while it runs: a bar in a terminal, a line an epoch elsewhere.</summary>
internal static class TrainingProgress
{
    /// <summary>Runs <paramref name="train"/>, having made <paramref name="options"/> report to the display and to <paramref name="other"/>.</summary>
    public static TModel Show<TModel>(Output output, ResNetTrainer.Options options, IProgress<EpochMetrics> other, Func<TModel> train)
    {
        IAnsiConsole console = output.Console;
        if (output.IsRedirected || !console.Profile.Capabilities.Ansi || !console.Profile.Capabilities.Interactive)
        {
            console.WriteLine();
            options.Progress = other;
            options.EpochCallback = metrics => output.Text.WriteLine(Line(metrics));
            TModel model = train();
            console.WriteLine();
            return model;
        }

        const int textWidth = 67;
        int barWidth = Math.Clamp(console.Profile.Width - textWidth, 8, 40);
        return console.Progress()
            .Columns(new ProgressBarColumn { Width = barWidth, IndeterminateStyle = new Style(Color.Grey) }, new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                ProgressTask task = context.AddTask("Reading the images").IsIndeterminate();
                options.Progress = new Bar(task, other);
                return train();
            });
    }

    private static string Line(EpochMetrics metrics)
    {
        string epoch = string.Create(CultureInfo.InvariantCulture, $"{metrics.Epoch}/{metrics.EpochCount}").PadLeft(metrics.EpochCount.ToString(CultureInfo.InvariantCulture).Length * 2 + 1);
        string time = metrics.Epoch == metrics.EpochCount && metrics.IsEpochEnd ? $"{Time(metrics.Elapsed)} taken" : $"{Time(metrics.Remaining)} left";
        if (double.IsNaN(metrics.TrainingLoss))
        {
            return string.Create(CultureInfo.InvariantCulture, $"features of {metrics.Batch}/{metrics.BatchCount} images  {metrics.ImagesPerSecond,4:F0} images/s  {time}");
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(metrics.IsTrial ? "trial " : "epoch ")}{epoch}  loss {metrics.TrainingLoss:F3}  accuracy {metrics.TrainingAccuracy * 100,5:F1} %  {metrics.ImagesPerSecond,4:F0} images/s  {time}");
    }

    private static string Time(TimeSpan time)
        => time.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time:mm\\:ss}")
            : string.Create(CultureInfo.InvariantCulture, $"{time:m\\:ss}");

    /// <summary>Told after each batch; the display looks at the task ten times a second.</summary>
    private sealed class Bar(ProgressTask task, IProgress<EpochMetrics> other) : IProgress<EpochMetrics>
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.1);
        private TimeSpan _shown = -Interval;

        public void Report(EpochMetrics value)
        {
            other.Report(value);
            bool isEnd = value.IsEpochEnd && value.Epoch == value.EpochCount && !value.IsTrial;
            if (value.Elapsed - _shown < Interval && !isEnd)
            {
                return;
            }

            _shown = value.Elapsed;
            task.IsIndeterminate = false;
            task.MaxValue = value.Step == 0 ? value.BatchCount : isEnd ? value.Step : Math.Max((double)value.EpochCount * value.BatchCount, value.Step + 1);
            task.Value = value.Step > 0 ? value.Step : value.Batch;
            task.Description = Line(value);
        }
    }
}
