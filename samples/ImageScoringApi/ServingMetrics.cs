using Prometheus;

namespace ImageScoringApi;

/// <summary>What <c>/metrics</c> has beside the requests' own numbers.</summary>
internal sealed class ServingMetrics
{
    private readonly Counter _images = Metrics.CreateCounter("image_scoring_images_total", "Images that were scored.");
    private readonly Counter _unreadable = Metrics.CreateCounter("image_scoring_unreadable_images_total", "Files that were no image.");
    private readonly Counter _refused = Metrics.CreateCounter("image_scoring_refused_requests_total", "Requests that found the queue full.");
    private readonly Counter _loads = Metrics.CreateCounter("image_scoring_model_loads_total", "Models that were loaded since the start.");
    private readonly Gauge _queue = Metrics.CreateGauge("image_scoring_queue_length", "Images that wait.");
    private readonly Histogram _batch = Metrics.CreateHistogram(
        "image_scoring_batch_size", "Images that were scored together.", new HistogramConfiguration { Buckets = [1, 2, 4, 8, 16, 32, 64] });

    public void BatchScored(int count)
    {
        _images.Inc(count);
        _batch.Observe(count);
    }

    public void QueueLength(int count) => _queue.Set(count);

    public void UnreadableImage() => _unreadable.Inc();

    public void RequestRefused() => _refused.Inc();

    public void ModelLoaded() => _loads.Inc();
}
