using Microsoft.Extensions.Options;

namespace ImageScoringApi.Scoring;

/// <summary>Scores each image by a <c>PredictionEngine</c> of the model's pool, as many at once as there are processors.</summary>
internal sealed class PooledScorer(ServedModel model, IOptions<ServingOptions> options, ServingMetrics metrics) : IImageScorer, IDisposable
{
    private readonly SemaphoreSlim _turns = new(Environment.ProcessorCount);
    private int _count;

    public IDisposable? Announce() => null;

    public async Task<ImageScores> ScoreAsync(byte[] content, CancellationToken cancellationToken)
    {
        int waiting = Interlocked.Increment(ref _count) - Environment.ProcessorCount;
        try
        {
            if (waiting > options.Value.QueueLength)
            {
                throw new QueueFullException();
            }

            metrics.QueueLength(Math.Max(0, waiting));
            await _turns.WaitAsync(cancellationToken);
            try
            {
                return await Task.Run(() => Score(content), cancellationToken);
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            metrics.QueueLength(Math.Max(0, Interlocked.Decrement(ref _count) - Environment.ProcessorCount));
        }
    }

    public void Dispose() => _turns.Dispose();

    private ImageScores Score(byte[] content)
    {
        using ServedModel.Lease lease = model.Acquire();
        metrics.BatchScored(1);
        return lease.Model.ScoreOne(content);
    }
}
