using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// The images that a training with a time limit is validated on: all of them, or a sample where all would take too much of the time that is
/// left. They stay the same for the whole training, so that its epochs compare.
/// </summary>
/// <param name="Images">The images to validate on.</param>
/// <param name="Duration">The time that a validation on them is expected to take.</param>
internal sealed record TimedValidation(ImageDataset Images, TimeSpan Duration)
{
    /// <summary>The smallest sample: an accuracy of fewer images says nothing.</summary>
    public const int LeastImages = 16;

    private const int TimedImages = 9;

    /// <summary>Times a validation of a few images and chooses the images.</summary>
    /// <param name="validation">All images of the validation set.</param>
    /// <param name="count">The images that an earlier run chose, or null.</param>
    /// <param name="limit">The time at which the training must end.</param>
    /// <param name="validate">Runs a validation.</param>
    public static TimedValidation Choose(ImageDataset validation, int? count, TimeSpan limit, long seed, TrainingCallbacks host, Action<ImageDataset> validate)
    {
        ValidationTime? time = null;
        int several = Math.Min(TimedImages, validation.Count);
        if (several > 1 && host.Elapsed() < limit)
        {
            time = new ValidationTime(Time(1), Time(several), several);
        }

        int least = Math.Min(LeastImages, validation.Count);
        int chosen = count ?? Math.Max(least, time?.Count(validation.Count, limit - host.Elapsed()) ?? least);
        return new TimedValidation(chosen < validation.Count ? Sample(chosen) : validation, time?.Of(chosen) ?? TimeSpan.Zero);

        ImageDataset Sample(int images) => validation.Subset(StratifiedSample.Of(validation.Labels, images, seed));

        TimeSpan Time(int images)
        {
            TimeSpan started = host.Elapsed();
            validate(Sample(images));
            return host.Elapsed() - started;
        }
    }
}
