namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>What the presets mean.</summary>
internal static class AugmentationPresets
{
    /// <summary>Images up to this size are moved by a crop with a border, as in CIFAR's recipes; larger ones are cut by a resized crop, as in ImageNet's.</summary>
    private const int SmallImage = 64;

    /// <summary>The epochs from which on a training is long.</summary>
    private const int ManyEpochs = 60;

    /// <summary>Whether an image has few pixels.</summary>
    /// <param name="imageSize">The shorter side of the network's input, in pixels.</param>
    public static bool IsSmall(int imageSize) => imageSize <= SmallImage;

    /// <summary>Whether a training is long enough for a network to overfit a small data set.</summary>
    public static bool IsLong(int epochs) => epochs >= ManyEpochs;

    /// <summary>The augmentation that a preset means for images of this size.</summary>
    /// <param name="imageSize">The shorter side of the network's input, in pixels.</param>
    /// <param name="imageCount">The images of the training set, for <see cref="AugmentationPreset.Auto"/>.</param>
    /// <param name="epochs">The epochs of the training, for the same.</param>
    /// <param name="fineTunes">Whether it starts from weights of other images, for the same.</param>
    public static Augmentation Of(AugmentationPreset preset, int imageSize, int imageCount, int epochs, bool fineTunes = false) => preset switch
    {
        AugmentationPreset.Auto => Auto(imageSize, imageCount, epochs, fineTunes),
        AugmentationPreset.None => new Augmentation(),
        AugmentationPreset.Light => Light(imageSize),
        AugmentationPreset.Standard => Standard(imageSize),
        AugmentationPreset.Strong => Strong(imageSize),
        _ => throw new ArgumentOutOfRangeException(nameof(preset), preset, $"Expected one of {string.Join(", ", Enum.GetNames<AugmentationPreset>())}."),
    };

    /// <summary>
    /// What Auto stands for. Small images show little, and what is erased or recoloured is missed in a short training; a long one overfits
    /// otherwise: after 84 epochs on 5,000 images of CIFAR-10 Standard had 0.777 and 0.768 (two seeds), Light 0.745 (a third), while mixing half of the
    /// images had cost two points. Large ones are many crops in one; only very many of them keep the network from overfitting.
    /// </summary>
    public static AugmentationPreset Choose(int imageSize, int imageCount, int epochs)
    {
        const int manyLargeImages = 1_000_000;
        bool isStandard = imageSize > SmallImage ? imageCount < manyLargeImages : IsLong(epochs);
        return isStandard ? AugmentationPreset.Standard : AugmentationPreset.Light;
    }

    /// <summary>
    /// The scale that images begin with where it is left open: a half in long trainings from scratch on small images, which then take 0.7 of the
    /// time (ResNet20 on CIFAR-10).
    /// </summary>
    public static double InitialImageScale(int imageSize, int epochs, bool fineTunes)
    {
        // Halves of smaller ones show nothing.
        const int smallest = 24;
        return !fineTunes && IsLong(epochs) && imageSize is >= smallest and <= SmallImage ? 0.5 : 1;
    }

    /// <summary>
    /// Half of very few small images are mixed in long trainings: with 1,000 of Fashion-MNIST, 70 epochs, CutMix had 0.868 and none 0.865 (the same two seeds, 6,000 other images),
    /// and with 100 epochs 0.874 (three seeds); with 1,000 of CIFAR-10 0.551 and 0.548, and a log-loss of 1.29 for 1.36 (two seeds). MixUp lost half a point. Fine-tuning overfits
    /// sooner: in 12 epochs on 4,000 images of CIFAR-10 at 96 pixels CutMix had 0.858 and none 0.840 (one seed, 1,000 other training images), in 10 on 240 photographs 0.853 and 0.840, and
    /// log-losses of 0.419 and 0.464 (means of five folds of the training images), but in 4 epochs on CIFAR-10 0.806 and 0.824.
    /// </summary>
    private static Augmentation Auto(int imageSize, int imageCount, int epochs, bool fineTunes)
    {
        const int veryFew = 2_000, few = 20_000, epochsOfFineTuning = 10;
        Augmentation chosen = Of(Choose(imageSize, imageCount, epochs), imageSize, imageCount, epochs);
        bool mixes = fineTunes ? imageCount < few : IsSmall(imageSize) && imageCount <= veryFew;
        int fewestEpochs = fineTunes ? epochsOfFineTuning : ManyEpochs;
        return mixes && epochs >= fewestEpochs ? chosen with { CutMixAlpha = 1, MixProbability = 0.5, FewestEpochsToMix = fewestEpochs } : chosen;
    }

    private static Augmentation Light(int imageSize) => new()
    {
        RandomCrop = true,

        // An eighth: 4 of 32 pixels (He et al. 2015, section 4.2).
        CropPadding = imageSize / 8,
        HorizontalFlip = true,
    };

    private static Augmentation Standard(int imageSize) => imageSize <= SmallImage
        ? Light(imageSize) with
        {
            ColorJitter = new ColorJitter(Brightness: 0.1, Contrast: 0.1, Saturation: 0.1, Hue: 0),
            ErasingProbability = 0.1,
        }
        : Light(imageSize) with
        {
            // torchvision's 0.08 is for 90 epochs of a million images; its later recipes and timm raise it for shorter trainings.
            ResizedCropScale = 0.35,
            ColorJitter = new ColorJitter(Brightness: 0.2, Contrast: 0.2, Saturation: 0.2, Hue: 0.02),
        };

    private static Augmentation Strong(int imageSize) => Standard(imageSize) with
    {
        TrivialAugment = true,

        // torchvision's recipe of 2021 has 0.1, timm's commonest 0.25.
        ErasingProbability = 0.25,

        // torchvision's recipe of 2021: mixup-alpha 0.2, cutmix-alpha 1.0.
        MixUpAlpha = 0.2,
        CutMixAlpha = 1,
    };
}
