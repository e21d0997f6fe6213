using System.Globalization;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Kernels;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Trains a network on images in memory. It reads from top to bottom.</summary>
internal sealed partial class TrainingLoop : IDisposable
{
    /// <summary>Steps after which freed memory is given back: often enough to keep it flat, seldom enough to cost nothing.</summary>
    private const int StepsBetweenReturns = 50;

    /// <summary>
    /// Steps after which a GPU is waited for, and the loss is read. Where time is limited it is after each, so that the times of steps are true.
    /// </summary>
    private const int StepsBetweenReads = 8;

    private readonly ResidualNetwork _network;
    private readonly LabeledImages _images;
    private readonly TrainingSettings _settings;
    private readonly ScoringDevice _scoring;
    private readonly TrainingCallbacks _host;
    private readonly CheckpointFolder? _checkpoints;
    private readonly BatchPlan _plan;
    private readonly LearningRateSchedule _schedule;
    private readonly TimeBudget _pace;
    private readonly IOptimizer _optimizer;
    private readonly INetworkTraining _passes;
    private readonly TrainingLoss _loss;
    private readonly ExponentialMovingAverage? _average;
    private readonly BestWeights _best = new();
    private readonly EarlyStopping _stopping;
    private readonly BatchLoader _batches;
    private readonly ForeachOperations? _foreach;
    private readonly PendingMetrics _pending = new();
    private readonly int _stepsBetweenReads;
    private readonly RankGroup _ranks;
    private readonly GradientSum? _gradients;
    private readonly int _topK;

    /// <summary>Whether the main rank keeps checkpoints.</summary>
    private readonly bool _savesCheckpoints;

    private TrainingState _state;
    private TimeSpan _elapsedBefore;
    private ImageDataset? _validation;
    private TimeSpan _evaluation;
    private TimeSpan _saving;
    private TimeSpan _saved;
    private TimeSpan _sinceSaved;
    private int _unreadSteps;
    private bool _isCancelled;

    /// <param name="network">Trained in place, on the device of <paramref name="scoring"/>.</param>
    /// <param name="scoring">How the trained network will score, which is how it is validated.</param>
    /// <param name="checkpoints">Where to save the state, or null.</param>
    public TrainingLoop(
        ResidualNetwork network, LabeledImages images, TrainingSettings settings, ScoringDevice scoring, TrainingCallbacks host, CheckpointFolder? checkpoints = null)
    {
        _network = network;
        _images = images;
        _validation = images.Validation;
        _settings = settings;
        _scoring = scoring;
        Device device = scoring.Device;
        _host = host;
        _checkpoints = checkpoints;
        _savesCheckpoints = checkpoints is not null || settings.HasCheckpoints;
        _topK = Math.Min(settings.TopK, images.ClassCount);
        _ranks = settings.Ranks;
        _state = new TrainingState { ShardCount = _ranks.Size };
        _plan = settings.Plan(images.Training.Count);
        _schedule = settings.Schedule(_plan.StepCount);
        _pace = new TimeBudget(_schedule.TotalSteps, _plan.StepCount, settings.MaxTrainingTime, settings.Resizing.CostAt);
        _stopping = new EarlyStopping(settings.ValidationMetric, settings.EarlyStoppingPatience, settings.EarlyStoppingMinDelta);
        _foreach = ForeachOperations.For(device);
        _stepsBetweenReads = device.type == DeviceType.CPU || settings.MaxTrainingTime is not null || !_ranks.IsSingle ? 1 : StepsBetweenReads;
        _optimizer = settings.Optimizer(network);
        bool isSynchronized = settings.SynchronizesBatchNorm && !settings.FreezesStatistics;
        _passes = VectorTraining.Supports(network, device) ? new VectorTraining(network, isSynchronized ? _ranks : null)
            : !isSynchronized ? new AutogradTraining(network, byStages: !_ranks.IsSingle)
            : throw new InvalidOperationException($"SynchronizeBatchNorm is set, and this training is by libtorch's operators, which don't have it: it goes with float32 on a CPU with AVX2 or of Arm64, and with networks without groups whose widths are multiples of {MatrixKernel.Columns}. Leave it off.");
        _gradients = _ranks.IsSingle && settings.AccumulateSteps == 1 ? null : new GradientSum(network, _ranks, overlaps: !isSynchronized);
        _loss = settings.Loss(images.Training.Labels, images.ClassCount, device);
        _average = settings.WeightAveragingDecay > 0 ? new ExponentialMovingAverage(network, settings.WeightAveragingDecay, device, _foreach) : null;
        _batches = new BatchLoader(images.Training, images.Weights, _plan, settings, device);
    }

    private TimeSpan Elapsed => _elapsedBefore + _host.Elapsed();

    /// <summary>The network whose weights are the result so far.</summary>
    private ResidualNetwork Result => _average?.Network ?? _network;

    /// <summary>Runs all epochs, from a checkpoint where there is one to resume from, and leaves the best weights in the network.</summary>
    /// <param name="evaluatesStart">Whether the network as it comes is a candidate for the best, as epoch 0.</param>
    /// <returns>The metrics at the end of each.</returns>
    /// <exception cref="InvalidOperationException">The loss is no longer a finite number.</exception>
    public IReadOnlyList<EpochMetrics> Run(bool evaluatesStart = false)
    {
        Resume();
        if (!_state.IsFinished)
        {
            FitToTime();
        }

        if (evaluatesStart && _state.Step == 0 && _images.Validation is not null)
        {
            ValidationResult start = Evaluate(out _);
            _host.Inform(string.Create(CultureInfo.InvariantCulture, $"Before the first epoch: validation loss {start.Loss:F4}, validation accuracy {start.Accuracy:P1}."));
        }

        try
        {
            while (!_state.IsFinished)
            {
                RunEpoch();
            }
        }
        catch (OperationCanceledException) when (_settings.CancellationHandling == CancellationHandling.ReturnBest && _state.Step > 0)
        {
            _ranks.GoOn();
            _host.Inform($"The training was cancelled in epoch {_state.Epoch}, after {_state.Step} steps; the best model so far is returned.");
        }

        Finish();
        return _state.History;
    }

    public void Dispose()
    {
        _pending.Dispose();
        _batches.Dispose();
        _best.Dispose();
        _average?.Dispose();
        _loss.Dispose();
        _passes.Dispose();
        _optimizer.Dispose();
        _gradients?.Dispose();
    }

    /// <summary>Chooses the images to validate on within the time limit.</summary>
    private void FitToTime()
    {
        if (_settings.MaxTrainingTime is not { } limit)
        {
            return;
        }

        if (Elapsed >= limit && _state.Step == 0)
        {
            _host.Warn(string.Create(
                CultureInfo.InvariantCulture,
                $"MaxTrainingTime is {limit}, but {Elapsed.TotalSeconds:F1} s had passed before the first step. One step is trained. Raise MaxTrainingTime, or give fewer or smaller images."));
        }

        if (_images.Validation is not { } validation || !_ranks.IsSingle)
        {
            return;
        }

        TimedValidation timed = TimedValidation.Choose(
            validation, _state.ValidationCount, limit - _elapsedBefore, _settings.Seed, _host, images => Evaluation.Run(Result, images, _scoring, _topK, _host.CheckCancelled));
        _validation = timed.Images;
        _evaluation = timed.Duration;
        _state = _state with { ValidationCount = _validation.Count };
        if (_validation.Count < validation.Count)
        {
            _host.Inform($"MaxTrainingTime leaves no time to validate on all {validation.Count} images: every epoch is validated on the same {_validation.Count} of them, each class by its share.");
        }
    }

    private void RunEpoch()
    {
        TimeSpan started = Elapsed;
        int imagesBefore = _state.Metrics.ImageCount;
        _network.train();
        _batches.Shuffle(_state.Epoch, _state.ShardCount);
        while (true)
        {
            CheckCancelled();
            double learningRate = _schedule.At(_pace.Position);
            Step(learningRate);
            bool isEpochEnd = _state.Batch == _plan.StepCount || _pace.IsOver;
            EpochMetrics now = Describe(learningRate, isEpochEnd, (_state.Metrics.ImageCount - imagesBefore) / (Elapsed - started).TotalSeconds);
            if (isEpochEnd)
            {
                // Where time ran out, prefetched batches are no longer needed, and validation reads from the same cache.
                _batches.Stop();
                EndEpoch(now);
                return;
            }

            _host.Report(now);
            if (_savesCheckpoints && (_ranks.IsSingle ? Elapsed - _saved : _sinceSaved) >= _settings.CheckpointInterval)
            {
                Save();
            }
        }
    }

    private void Step(double learningRate)
    {
        TimeSpan started = Elapsed;
        using (NewDisposeScope())
        {
            ComputeGradients(learningRate);
            if (_settings.MaxGradientNorm is { } norm)
            {
                ClipGradients(norm);
            }

            _optimizer.Step(learningRate);
            _average?.Update(_state.Step);
            _unreadSteps++;
            if (_ranks.IsSingle && (_unreadSteps >= _stepsBetweenReads || _state.Metrics.ImageCount == 0 || _state.Batch + 1 == _plan.StepCount))
            {
                ReadMetrics();
            }
        }

        if (_state.Step % StepsBetweenReturns == StepsBetweenReturns - 1)
        {
            FreedMemory.Return();
        }

        if (_ranks.IsSingle)
        {
            _pace.Kept = TimeOfEstimate(Elapsed - started);
            _pace.Advance(Elapsed - started, Elapsed, _evaluation + _saving);
        }
        else
        {
            TellOthers(Elapsed - started, learningRate);
        }

        _state = _state with { Batch = _state.Batch + 1, Step = _state.Step + 1, Position = _pace.Position };
    }

    /// <summary>Takes the batches of a step forward and backward.</summary>
    private void ComputeGradients(double learningRate)
    {
        int count = _plan.BatchesPerStep;
        bool weighsClasses = _pace.Share >= _settings.ClassWeightingStart;
        _gradients?.Begin();
        for (int i = 0; i < count; i++)
        {
            if (i > 0 && _ranks.IsSingle)
            {
                _host.CheckCancelled();
            }

            using var scope = NewDisposeScope();
            _batches.ExpectedEpochs = _pace.IsEstimated ? ExpectedEpochs() : 0;
            TrainingBatch batch = _batches.Create((_state.Batch * count) + i);
            Tensor logits = _passes.Forward(_settings.Resizing.Apply(batch.Images, _pace.Share));
            Tensor loss = _loss.Mean(logits, batch, weighsClasses);
            if (_gradients is null)
            {
                _passes.Backward(loss);
            }
            else
            {
                _gradients.Backward(_passes, loss, _loss.Weight(batch, weighsClasses), isLast: i == count - 1);
            }

            _pending.Add(new PendingStep(_state.Step + 1, _state.Epoch, (int)batch.Labels.shape[0], learningRate), loss, logits, batch.Labels, _topK);
        }

        _gradients?.End();
    }

    private void ClipGradients(double norm)
    {
        IEnumerable<Parameter> parameters = _network.TrainedParameters.Select(entry => entry.Parameter);
        if (_foreach is not null)
        {
            GradientClipping.Apply(_foreach, parameters, norm);
        }
        else
        {
            GradientClipping.Apply(parameters, norm);
        }
    }

    /// <summary>Waits for the steps that are under way, and counts them in.</summary>
    /// <exception cref="InvalidOperationException">The loss of one is no longer a finite number.</exception>
    private void ReadMetrics()
    {
        _unreadSteps = 0;
        foreach (var (step, loss, correct, topKCorrect) in _pending.Take())
        {
            _state = _state with { Metrics = _state.Metrics.With(Finite(loss, step), step.ImageCount, correct, topKCorrect) };
        }
    }

    private void EndEpoch(EpochMetrics metrics)
    {
        CombineStatistics();
        metrics = Validate(metrics, out bool stops);
        _state = _state with
        {
            Epoch = _state.Epoch + 1,
            Batch = 0,
            Metrics = new RunningMetrics(),
            Stopping = _stopping.State,
            IsFinished = stops || _pace.IsOver,
            History = [.. _state.History, metrics],
        };
        if (_savesCheckpoints)
        {
            Save();
        }

        _host.Report(metrics);
        if (stops && !_pace.IsOver)
        {
            _host.Inform($"Stopped after epoch {metrics.Epoch}: the validation {NameOf(_settings.ValidationMetric)} has not improved for {_stopping.State.EpochsWaited} epochs.");
        }
    }

    private EpochMetrics Validate(EpochMetrics metrics, out bool stops)
    {
        stops = false;
        if (_validation is null || _pace.EndsSoonAfter(_evaluation + _saving))
        {
            return metrics;
        }

        TimeSpan started = Elapsed;
        EstimateStatistics(metrics.LearningRate);
        ValidationResult result = Evaluate(out stops);
        _evaluation = Elapsed - started;
        return metrics with
        {
            EpochCount = stops ? metrics.Epoch : metrics.EpochCount,
            ValidationLoss = result.Loss,
            ValidationAccuracy = result.Accuracy,
            ValidationTopKAccuracy = result.TopKAccuracy,
            ValidationMacroAccuracy = result.MacroAccuracy,
            BestEpoch = _stopping.State.BestEpoch,
            BestValidationMetric = _stopping.State.Best,
            Elapsed = Elapsed,
            Remaining = stops ? TimeSpan.Zero : Remaining(),
        };
    }

    private ValidationResult Evaluate(out bool stops)
    {
        TimeSpan started = Elapsed;
        ValidationResult result = Evaluation.Run(Result, _validation!, _scoring, _topK, _host.CheckCancelled, _ranks);
        _evaluation = Elapsed - started;
        stops = false;
        if (_settings.ClassWeightingStart > 0 && _pace.Share <= _settings.ClassWeightingStart)
        {
            return result;
        }

        int epoch = _state.Step == 0 ? 0 : _state.Epoch;
        (bool isBest, stops) = _stopping.Add(epoch, result.Value(_settings.ValidationMetric), isWarmup: _pace.Position <= _schedule.RisingSteps);
        if (isBest && _settings.RestoresBestWeights)
        {
            _best.Keep(Result);
            SaveBest();
        }

        return result;
    }

    private void Finish()
    {
        if (_best.Entries is { } best)
        {
            _network.CopyStateFrom(best);
            if (_state.History.Length == 0 || _stopping.State.BestEpoch != _state.History[^1].Epoch)
            {
                _host.Inform($"The weights of epoch {_stopping.State.BestEpoch}, the best of {_state.History.Length}, are taken.");
            }
        }
        else
        {
            if (AreStatisticsBehind)
            {
                EstimateStatistics(() => { });
            }

            if (_average is not null)
            {
                _network.CopyStateFrom(_average.Network.StateEntries);
            }
        }

        _ranks.Share(_network.StateEntries.Select(entry => entry.Tensor));
        RequireFinite(_network);
        _network.eval();
    }

    private EpochMetrics Describe(double learningRate, bool isEpochEnd, double imagesPerSecond) => new()
    {
        Epoch = _state.Epoch,
        EpochCount = ExpectedEpochs(),
        Batch = _state.Batch,
        BatchCount = isEpochEnd ? _state.Batch : _plan.StepCount,
        Step = _state.Step,
        ImageCount = _state.Metrics.ImageCount,
        TrainingLoss = _state.Metrics.Loss,
        TrainingAccuracy = _state.Metrics.Accuracy,
        TopK = _topK,
        TrainingTopKAccuracy = _state.Metrics.TopKAccuracy,
        BestEpoch = _stopping.State.BestEpoch,
        BestValidationMetric = _stopping.State.Best,
        LearningRate = learningRate,
        ImagesPerSecond = imagesPerSecond,
        Elapsed = Elapsed,
        Remaining = Remaining(),
    };

    /// <summary>The epochs that the training will have had at its end, by the time that steps take.</summary>
    private int ExpectedEpochs() => _pace.IsOver ? _state.Epoch : _state.Epoch - 1 + (int)Math.Ceiling(((double)_state.Batch / _plan.StepCount) + _pace.RemainingEpochs - 1e-6);

    private TimeSpan Remaining() => _pace.RemainingTime(_evaluation);

    private static string NameOf(ValidationMetric metric) => metric switch
    {
        ValidationMetric.Loss => "loss",
        ValidationMetric.MacroAccuracy => "macro accuracy",
        _ => "accuracy",
    };

    private double Finite(double loss, PendingStep step)
    {
        return double.IsFinite(loss)
            ? loss
            : throw Diverged(string.Create(CultureInfo.InvariantCulture, $"the loss is {loss} in step {step.Number} (epoch {step.Epoch}), at a learning rate of {step.LearningRate:G3}"));
    }
}
