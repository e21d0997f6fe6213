using Microsoft.ML.ResNet;

namespace ImageClassification.Data;

/// <summary>Counts what a training goes through in this process, told after each batch: a resumed training has epochs, and a part of one, of earlier processes.</summary>
internal sealed class TrainedImages : IProgress<EpochMetrics>
{
    private EpochMetrics? _first;

    public void Report(EpochMetrics value)
    {
        // Neither the trial of HeadThenFull nor its features are a part of the history.
        if (!value.IsTrial && value.Step > 0)
        {
            _first ??= value;
        }
    }

    /// <summary>The images of all epochs that this process trained; an image counts once an epoch.</summary>
    /// <param name="history">All epochs of the training.</param>
    /// <param name="batchSize">The images in each batch but the last one of an epoch.</param>
    public long CountOf(IReadOnlyList<EpochMetrics> history, int batchSize)
    {
        // The classifier alone has no steps, and is never resumed.
        long features = history.Where(epoch => epoch.Step == 0).Sum(epoch => (long)epoch.ImageCount);
        return _first is { } first
            ? features + history.Where(epoch => epoch.Step > 0 && epoch.Epoch >= first.Epoch).Sum(epoch => (long)epoch.ImageCount) - ((first.Batch - 1L) * batchSize)
            : features;
    }
}
