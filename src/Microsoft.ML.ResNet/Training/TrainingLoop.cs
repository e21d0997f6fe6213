using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Trains a network on images in memory. It reads from top to bottom.</summary>
/// <param name="network">Trained in place, on <paramref name="device"/>.</param>
/// <param name="validation">Evaluated after every epoch, or null.</param>
/// <param name="report">Told after every batch; the last of an epoch has its validation metrics.</param>
/// <param name="checkCancelled">Called before every batch; throws to stop.</param>
internal sealed class TrainingLoop(
    ResidualNetwork network,
    ImageSet training,
    ImageSet? validation,
    TrainingSettings settings,
    Device device,
    Action<EpochMetrics> report,
    Action checkCancelled)
{
    /// <summary>Steps after which freed memory is given back: often enough to keep it flat, seldom enough to cost nothing.</summary>
    private const int StepsBetweenReturns = 50;

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Runs all epochs.</summary>
    /// <returns>The metrics at the end of each.</returns>
    /// <exception cref="InvalidOperationException">The loss is no longer a finite number.</exception>
    public IReadOnlyList<EpochMetrics> Run()
    {
        var plan = new BatchPlan(training.Count, settings.BatchSize);
        LearningRateSchedule schedule = settings.Schedule(plan.Count);
        using var optimizer = new StochasticGradientDescent(
            network.ParameterEntries.Select(entry => (entry.Parameter, entry.Kind == ParameterKind.Weight)), settings.Momentum, settings.WeightDecay);
        using var batches = new TrainingBatches(training, plan, settings, device);
        List<EpochMetrics> history = [];
        for (int epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            history.Add(RunEpoch(epoch, plan, schedule, optimizer, batches));
        }

        return history;
    }

    private EpochMetrics RunEpoch(int epoch, BatchPlan plan, LearningRateSchedule schedule, StochasticGradientDescent optimizer, TrainingBatches batches)
    {
        TimeSpan started = _clock.Elapsed;
        var metrics = default(RunningMetrics);
        network.train();
        batches.Shuffle(epoch);
        for (int batch = 0; ; batch++)
        {
            checkCancelled();
            int step = ((epoch - 1) * plan.Count) + batch;
            double learningRate = schedule.At(step);
            using (NewDisposeScope())
            {
                var (images, labels) = batches.Create(batch);
                Tensor logits = network.forward(images);
                Tensor loss = nn.functional.cross_entropy(logits, labels, label_smoothing: settings.LabelSmoothing);
                loss.backward();
                optimizer.Step(learningRate);
                metrics.Add(Finite(loss.item<float>(), epoch, step, learningRate), logits, labels);
            }

            if (step % StepsBetweenReturns == StepsBetweenReturns - 1)
            {
                FreedMemory.Return();
            }

            EpochMetrics now = Describe(epoch, batch + 1, plan.Count, step + 1, metrics, learningRate, started);
            if (now.IsEpochEnd)
            {
                now = Validate(now);
                report(now);
                return now;
            }

            report(now);
        }
    }

    private EpochMetrics Validate(EpochMetrics metrics)
    {
        if (validation is null)
        {
            return metrics;
        }

        RunningMetrics result = Evaluation.Run(network, validation, device, checkCancelled);
        return metrics with { ValidationLoss = result.Loss, ValidationAccuracy = result.Accuracy, Elapsed = _clock.Elapsed, Remaining = RemainingAfter(metrics.Epoch) };
    }

    private EpochMetrics Describe(int epoch, int batch, int batchCount, long step, RunningMetrics metrics, double learningRate, TimeSpan started)
    {
        TimeSpan elapsed = _clock.Elapsed;
        double done = epoch - 1 + ((double)batch / batchCount);
        return new EpochMetrics
        {
            Epoch = epoch,
            EpochCount = settings.Epochs,
            Batch = batch,
            BatchCount = batchCount,
            Step = step,
            ImageCount = metrics.ImageCount,
            TrainingLoss = metrics.Loss,
            TrainingAccuracy = metrics.Accuracy,
            LearningRate = learningRate,
            ImagesPerSecond = metrics.ImageCount / Math.Max((elapsed - started).TotalSeconds, 1e-9),
            Elapsed = elapsed,
            Remaining = RemainingAfter(done),
        };
    }

    private TimeSpan RemainingAfter(double epochsDone) => _clock.Elapsed * ((settings.Epochs - epochsDone) / epochsDone);

    private static double Finite(float loss, int epoch, int step, double learningRate)
        => float.IsFinite(loss)
            ? loss
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"Training diverged: the loss is {loss} in step {step + 1} (epoch {epoch}), at a learning rate of {learningRate:G3}. Lower LearningRate (by ten, to begin with) or raise WarmupEpochs, and check the pixel values: they must be in the range that PixelRange says."));
}
