using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.Training;

/// <content>What the processes that train together tell each other.</content>
internal sealed partial class TrainingLoop
{
    /// <summary>Counts the step in on all ranks, and takes over what the main one says of the time.</summary>
    private void TellOthers(TimeSpan stepTime, double learningRate)
    {
        RunningMetrics mine = new();
        foreach (var (step, loss, correct, topKCorrect) in _pending.Take())
        {
            mine = mine.With(loss, step.ImageCount, correct, topKCorrect);
        }

        StepReport all = new StepReport(
            mine.LossSum, mine.ImageCount, mine.CorrectCount, mine.TopKCorrectCount, WantsToStop() ? 1 : 0, Elapsed, stepTime, _evaluation, _saving, Elapsed - _saved).Combine(_ranks);
        Finite(all.LossSum, new PendingStep(_state.Step + 1, _state.Epoch, (int)all.ImageCount, learningRate));
        _state = _state with
        {
            Metrics = new RunningMetrics
            {
                LossSum = _state.Metrics.LossSum + all.LossSum,
                CorrectCount = _state.Metrics.CorrectCount + all.Correct,
                TopKCorrectCount = _state.Metrics.TopKCorrectCount + all.TopKCorrect,
                ImageCount = _state.Metrics.ImageCount + (int)all.ImageCount,
            },
        };
        _isCancelled = all.Cancelled > 0;
        (_evaluation, _saving, _sinceSaved) = (all.Evaluation, all.Saving, all.SinceSaved);
        _pace.Advance(all.StepTime, all.Elapsed, _evaluation + _saving);
    }

    /// <summary>Stops all ranks after the same step.</summary>
    private void CheckCancelled()
    {
        if (_ranks.IsSingle)
        {
            _host.CheckCancelled();
        }
        else if (_isCancelled)
        {
            throw _ranks.OfAll(new OperationCanceledException("The training was cancelled, on this rank or on another."));
        }
    }

    private bool WantsToStop()
    {
        try
        {
            _host.CheckCancelled();
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>Gives the normalisations of all ranks the mean of their running statistics: each has seen its own images alone.</summary>
    private void CombineStatistics()
    {
        foreach (ResidualNetwork network in _average is null ? [_network] : new[] { _network, _average.Network })
        {
            _ranks.Average(network.StateEntries.Where(entry => RunningStatistics.IsStatistic(entry.Name) && !network.IsFrozen(entry.Name)).Select(entry => entry.Tensor));
        }
    }
}
