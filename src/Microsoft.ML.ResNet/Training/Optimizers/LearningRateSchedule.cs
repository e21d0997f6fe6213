namespace Microsoft.ML.ResNet.Training;

/// <summary>The learning rate as a pure function of the step: linear warm-up, then decay. The one-cycle schedule has a rise of its own, and is for no warm-up.</summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="TotalSteps">The steps of the whole training.</param>
/// <param name="WarmupSteps">Those of them in which the rate rises; fewer than all.</param>
internal sealed record LearningRateSchedule(double Peak, int TotalSteps, int WarmupSteps)
{
    // PyTorch's defaults: OneCycleLR(pct_start, div_factor, final_div_factor).
    private const double RisingShare = 0.3, InitialDivisor = 25, FinalDivisor = 1e4;

    public LearningRateDecay Decay { get; init; } = LearningRateDecay.Cosine;

    /// <summary>The share of the peak that warm-up starts from.</summary>
    public double WarmupStart { get; init; } = 0.01;

    /// <summary>For <see cref="LearningRateDecay.Step"/>: the shares of the training after which the rate falls, ascending.</summary>
    public IReadOnlyList<double> Milestones { get; init; } = [];

    /// <summary>For <see cref="LearningRateDecay.Step"/>: what the rate is multiplied by at each milestone.</summary>
    public double Factor { get; init; } = 0.1;

    /// <summary>The steps in which the rate rises.</summary>
    public double RisingSteps => Decay == LearningRateDecay.OneCycle ? WarmupSteps + (RisingShare * (TotalSteps - WarmupSteps)) : WarmupSteps;

    /// <summary>The rate of the step with this number, counted from 0. Positions between steps are those of a training that is fitted to a time.</summary>
    public double At(double step)
    {
        if (step < WarmupSteps)
        {
            return Peak * (WarmupStart + ((1 - WarmupStart) * step / WarmupSteps));
        }

        double after = step - WarmupSteps, total = TotalSteps - WarmupSteps;
        return Decay switch
        {
            LearningRateDecay.Cosine => Peak * (1 + Math.Cos(Math.PI * after / total)) / 2,
            LearningRateDecay.Step => Peak * Math.Pow(Factor, Milestones.Count(share => step >= share * TotalSteps)),
            LearningRateDecay.OneCycle => OneCycle(after, total),
            _ => Peak,
        };
    }

    private double OneCycle(double step, double total)
    {
        double initial = Peak / InitialDivisor, top = (RisingShare * total) - 1, last = total - 1;
        return step <= top || last <= top
            ? Between(initial, Peak, top <= 0 ? 1 : Math.Min(step / top, 1))
            : Between(Peak, initial / FinalDivisor, Math.Min((step - top) / (last - top), 1));
    }

    private static double Between(double start, double end, double share) => end + ((start - end) * (1 + Math.Cos(Math.PI * share)) / 2);
}
