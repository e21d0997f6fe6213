using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Scoring;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Trains with a learning rate that rises exponentially from step to step, until the loss diverges or the rates are over (Smith 2017: Cyclical Learning Rates for
/// Training Neural Networks). Batches, augmentation, optimiser and loss are those of the training.
/// </summary>
internal sealed class LearningRateRangeTest(ResidualNetwork network, LabeledImages images, TrainingSettings settings, ScoringDevice scoring, TrainingCallbacks host)
{
    /// <summary>The momentum of the smoothed loss, and how many times its lowest value ends the test: fastai's.</summary>
    private const double Momentum = 0.98, Divergence = 4;

    /// <summary>The share of the loss by chance below which a loss is taken for it: a network that knows the images already has one near zero, whose noise is no divergence.</summary>
    private const double SmallLoss = 0.05;

    /// <summary>The network is spoilt by it.</summary>
    /// <exception cref="InvalidOperationException">The loss is no finite number, or the time over, before there is anything to tell.</exception>
    public LearningRateCurve Run(double smallest, double largest, int steps)
    {
        Device device = scoring.Device;
        var plan = (settings with { Ranks = RankGroup.Single }).Plan(images.Training.Count);
        using IOptimizer optimizer = settings.Optimizer(network);
        using INetworkTraining passes = VectorTraining.Supports(network, device) ? new VectorTraining(network) : new AutogradTraining(network);
        using TrainingLoss loss = settings.Loss(images.Training.Labels, images.ClassCount, device);
        using GradientSum? sum = plan.BatchesPerStep > 1 ? new GradientSum(network, RankGroup.Single) : null;
        using var batches = new BatchLoader(images.Training, images.Weights, plan, settings, device);
        List<LearningRatePoint> points = [];
        double average = 0, lowest = double.PositiveInfinity;
        network.train();
        for (int step = 0; step < steps && !IsTimeOver(step); step++)
        {
            host.CheckCancelled();
            if (step % plan.StepCount == 0)
            {
                batches.Shuffle(step / plan.StepCount);
            }

            double rate = smallest * Math.Pow(largest / smallest, step / (steps - 1.0));
            double value;
            using (NewDisposeScope())
            {
                value = Step(Enumerable.Range(step % plan.StepCount * plan.BatchesPerStep, plan.BatchesPerStep).Select(batches.Create), rate, passes, loss, sum, optimizer);
            }

            if (!double.IsFinite(value))
            {
                break;
            }

            average = (Momentum * average) + ((1 - Momentum) * value);
            double smoothed = average / (1 - Math.Pow(Momentum, step + 1));
            points.Add(new LearningRatePoint(rate, value, smoothed));
            lowest = Math.Min(lowest, smoothed);
            if (smoothed > Divergence * Math.Max(lowest, SmallLoss * Math.Log(images.ClassCount)))
            {
                break;
            }
        }

        batches.Stop();
        FreedMemory.Return();
        return points.Count >= Math.Min(10, steps)
            ? new LearningRateCurve(points)
            : throw new InvalidOperationException(
                $"The learning rate finder took {points.Count} steps before the loss was no finite number or the time was over, expected at least {Math.Min(10, steps)}. "
                + "Raise MaxTrainingTime, lower the smallest learning rate, or check the pixel values: they must be in the range that PixelRange says.");
    }

    private double Step(IEnumerable<TrainingBatch> batches, double rate, INetworkTraining passes, TrainingLoss loss, GradientSum? sum, IOptimizer optimizer)
    {
        bool weighsClasses = settings.ClassWeightingStart == 0;
        double total = 0;
        int count = 0;
        sum?.Begin();
        foreach (TrainingBatch batch in batches)
        {
            Tensor mean = loss.Mean(passes.Forward(batch.Images), batch, weighsClasses);
            if (sum is null)
            {
                passes.Backward(mean);
            }
            else
            {
                sum.Backward(passes, mean, loss.Weight(batch, weighsClasses), isLast: false);
            }

            total += mean.item<float>();
            count++;
        }

        sum?.End();
        if (settings.MaxGradientNorm is { } norm)
        {
            GradientClipping.Apply(network.TrainedParameters.Select(entry => entry.Parameter), norm);
        }

        optimizer.Step(rate);
        return total / count;
    }

    private bool IsTimeOver(int step) => step > 0 && settings.MaxTrainingTime is { } limit && host.Elapsed() >= limit;
}
