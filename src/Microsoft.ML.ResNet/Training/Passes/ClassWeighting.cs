namespace Microsoft.ML.ResNet;

/// <summary>How much the images of a class count in the loss.</summary>
public enum ClassWeighting
{
    /// <summary>All the same: frequent classes count more in sum.</summary>
    None,

    /// <summary>
    /// All classes the same in sum: an image of a class with n of N images weighs N / (K n), where K is the number of classes with images.
    /// <see cref="ResNetTrainer.Options.ClassWeightingStart"/> says from when on.
    /// </summary>
    Balanced,
}
