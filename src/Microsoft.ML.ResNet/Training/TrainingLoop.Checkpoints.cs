using System.Globalization;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Training;

/// <content>What is kept of a training, and how it resumes.</content>
internal sealed partial class TrainingLoop
{
    /// <summary>Whether the best weights are others than those on the disk.</summary>
    private bool _isBestBehind;

    private void Resume()
    {
        if (ResumedState() is not { } state)
        {
            return;
        }

        _state = state;
        _elapsedBefore = state.Elapsed;
        _stopping.State = state.Stopping;
        _optimizer.StepCount = state.Step;
        _pace.Position = state.Position;
        _host.Inform(state.IsFinished
            ? $"The training in '{_checkpoints?.Path}' is finished: its model is taken."
            : $"Resuming from '{_checkpoints?.Path}', after {state.Step} steps, in epoch {state.Epoch}.");
    }

    /// <summary>The state of the checkpoint that the main rank resumes from, on all ranks, or null.</summary>
    private TrainingState? ResumedState()
    {
        TrainingState? state = _checkpoints?.Resume(_network, _average?.Network, _optimizer, _best);
        if (_ranks.IsSingle)
        {
            return state;
        }

        byte[]? json = _ranks.OfMain(state is null ? null : CheckpointFolder.ToJson(state));
        _ranks.Share(
        [
            .. _network.StateEntries.Select(entry => entry.Tensor),
            .. _average?.Network.StateEntries.Select(entry => entry.Tensor) ?? [],
            .. json is null ? [] : _optimizer.State.Select(entry => entry.Tensor),
        ]);
        return json is null ? null : CheckpointFolder.StateFrom(json);
    }

    private void Save()
    {
        ReadMetrics();
        TimeSpan started = Elapsed;
        if (_state.Batch > 0)
        {
            CombineStatistics();
        }

        RequireFinite(_network);
        _state = _state with { Elapsed = started };
        if (_checkpoints is null)
        {
            return;
        }

        if (_isBestBehind)
        {
            SaveBest();
        }

        CheckpointFolder.Try(() => _checkpoints.Save(_state, _network, _average?.Network, _optimizer, _best), "the next checkpoint is tried when it is due", _host);
        _saved = Elapsed;
        _saving = _saved - started;
    }

    private void SaveBest()
        => _isBestBehind = _checkpoints is not null && !CheckpointFolder.Try(() => _checkpoints.SaveBest(_best), "it is tried again with the next checkpoint", _host);

    /// <summary>A step may spoil the weights after its loss was computed: they must neither go into a checkpoint nor become the model.</summary>
    private void RequireFinite(ResidualNetwork network)
    {
        if (NetworkWeights.NonFiniteCount(network) is > 0 and var count)
        {
            throw Diverged(string.Create(CultureInfo.InvariantCulture, $"{count} weights are NaN or infinite, or variances below 0, after step {_state.Step}"));
        }
    }

    private InvalidOperationException Diverged(string what)
    {
        string checkpoint = _checkpoints?.HasLast == true ? $" The last checkpoint, '{_checkpoints.LastPath}', is from before that." : "";
        return _ranks.OfAll(Divergence.Error(what, checkpoint));
    }
}
