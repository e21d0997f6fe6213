using System.Threading.Channels;
using Microsoft.Extensions.Options;

namespace ImageScoringApi.Scoring;

/// <summary>
/// Scores images that arrive together together: <c>Transform</c> decodes them side by side, and a batch costs a network less than its images one by one.
/// While a batch is scored, the next one gathers.
/// </summary>
internal sealed class BatchingScorer : IImageScorer, IAsyncDisposable
{
    private readonly Channel<Waiting> _queue;
    private readonly ServedModel _model;
    private readonly ServingMetrics _metrics;
    private readonly int _maxBatchSize;
    private readonly TimeSpan _maxWait;
    private readonly Task _loop;
    private int _announced;

    public BatchingScorer(ServedModel model, IOptions<ServingOptions> options, ServingMetrics metrics)
    {
        _model = model;
        _metrics = metrics;
        _maxBatchSize = options.Value.MaxBatchSize;
        _maxWait = TimeSpan.FromMilliseconds(options.Value.MaxWaitMilliseconds);
        _queue = Channel.CreateBounded<Waiting>(new BoundedChannelOptions(options.Value.QueueLength) { SingleReader = true });
        _loop = Task.Run(ScoreBatchesAsync);
    }

    public IDisposable Announce()
    {
        Interlocked.Increment(ref _announced);
        return new Announcement(this);
    }

    public Task<ImageScores> ScoreAsync(byte[] content, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(content, cancellationToken);
        if (!_queue.Writer.TryWrite(waiting))
        {
            throw new QueueFullException();
        }

        _metrics.QueueLength(_queue.Reader.Count);
        return waiting.Result.Task;
    }

    /// <summary>Scores what waits, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task ScoreBatchesAsync()
    {
        var batch = new List<Waiting>(_maxBatchSize);
        while (await _queue.Reader.WaitToReadAsync())
        {
            batch.Clear();
            await GatherAsync(batch);
            _metrics.QueueLength(_queue.Reader.Count);
            if (batch.Count == 0)
            {
                continue;
            }

            _metrics.BatchScored(batch.Count);
            using ServedModel.Lease lease = _model.Acquire();
            Score(lease.Model, batch);
        }
    }

    /// <summary>Takes what waits, and waits for images that are being received, but not for long.</summary>
    private async Task GatherAsync(List<Waiting> batch)
    {
        Take(batch);
        if (batch.Count == _maxBatchSize || _maxWait == TimeSpan.Zero || Volatile.Read(ref _announced) == 0)
        {
            return;
        }

        using var deadline = new CancellationTokenSource(_maxWait);
        try
        {
            while (batch.Count < _maxBatchSize && Volatile.Read(ref _announced) > 0 && await _queue.Reader.WaitToReadAsync(deadline.Token))
            {
                Take(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The time is over.
        }
    }

    private void Take(List<Waiting> batch)
    {
        while (batch.Count < _maxBatchSize && _queue.Reader.TryRead(out Waiting? waiting))
        {
            if (waiting.CancellationToken.IsCancellationRequested)
            {
                waiting.Result.TrySetCanceled(waiting.CancellationToken);
            }
            else
            {
                batch.Add(waiting);
            }
        }
    }

    /// <summary>One image that can't be read spoils a batch: it is then scored in halves, so that the others have their scores.</summary>
    private static void Score(ImageModel model, List<Waiting> batch)
    {
        ImageScores[] scores;
        try
        {
            scores = model.ScoreTogether([.. batch.Select(waiting => waiting.Content)]);
        }
        catch (Exception exception)
        {
            if (batch.Count == 1)
            {
                batch[0].Result.TrySetException(exception);
                return;
            }

            int half = batch.Count / 2;
            Score(model, batch[..half]);
            Score(model, batch[half..]);
            return;
        }

        for (int i = 0; i < batch.Count; i++)
        {
            batch[i].Result.TrySetResult(scores[i]);
        }
    }

    /// <summary>An image and the task that its request waits for.</summary>
    private sealed record Waiting(byte[] Content, CancellationToken CancellationToken)
    {
        public TaskCompletionSource<ImageScores> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Announcement(BatchingScorer owner) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                Interlocked.Decrement(ref owner._announced);
            }
        }
    }
}
