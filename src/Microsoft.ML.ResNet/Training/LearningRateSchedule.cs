namespace Microsoft.ML.ResNet.Training;

/// <summary>The learning rate of each step: linear warm-up, then cosine annealing (Loshchilov and Hutter 2016, without restarts) to zero.</summary>
internal sealed record LearningRateSchedule(double Peak, int TotalSteps, int WarmupSteps)
{
    /// <summary>The share of the peak that warm-up starts from.</summary>
    public double WarmupStart { get; init; } = 0.01;

    /// <summary>The rate of the step with this number, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmupSteps)
        {
            return Peak * (WarmupStart + ((1 - WarmupStart) * step / WarmupSteps));
        }

        return Peak * (1 + Math.Cos(Math.PI * (step - WarmupSteps) / (TotalSteps - WarmupSteps))) / 2;
    }
}
