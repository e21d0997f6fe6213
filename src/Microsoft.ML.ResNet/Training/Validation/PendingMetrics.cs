using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Loss and hits of the last steps, on the device that computes them: reading them means to wait for it, which beside a GPU is done once
/// for several steps, so that it always has work.
/// </summary>
internal sealed class PendingMetrics : IDisposable
{
    private readonly List<(PendingStep Step, Tensor Values)> _steps = [];

    public int Count => _steps.Count;

    /// <summary>Notes a step.</summary>
    /// <param name="loss">The mean loss of the batch, a scalar.</param>
    /// <param name="logits">[N,K].</param>
    /// <param name="labels">[N] int64.</param>
    public void Add(PendingStep step, Tensor loss, Tensor logits, Tensor labels, int topK)
    {
        using var scope = NewDisposeScope();
        Tensor values = cat([loss.detach().reshape(1).to(ScalarType.Float64), RunningMetrics.Hits(logits, labels, topK).to(ScalarType.Float64)]);
        _steps.Add((step, values.DetachFromDisposeScope()));
    }

    /// <summary>Waits for the device, and gives what was noted, in order.</summary>
    public IReadOnlyList<(PendingStep Step, double Loss, long Correct, long TopKCorrect)> Take()
    {
        if (_steps.Count == 0)
        {
            return [];
        }

        using var scope = NewDisposeScope();
        double[] values = stack([.. _steps.Select(step => step.Values)]).cpu().data<double>().ToArray();
        (PendingStep Step, double Loss, long Correct, long TopKCorrect)[] taken =
            [.. _steps.Select((item, i) => (item.Step, values[3 * i], (long)values[(3 * i) + 1], (long)values[(3 * i) + 2]))];
        Dispose();
        return taken;
    }

    public void Dispose()
    {
        foreach (var (_, values) in _steps)
        {
            values.Dispose();
        }

        _steps.Clear();
    }
}

/// <summary>A step whose loss is not read yet.</summary>
/// <param name="Number">Counted from 1 over the whole training.</param>
/// <param name="ImageCount">The images of its batch.</param>
internal readonly record struct PendingStep(long Number, int Epoch, int ImageCount, double LearningRate);
