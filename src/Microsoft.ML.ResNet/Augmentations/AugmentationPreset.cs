namespace Microsoft.ML.ResNet;

/// <summary>How much training images are varied at random. Validation and scoring always see the centre of an image as it is.</summary>
public enum AugmentationPreset
{
    /// <summary>
    /// For input of at most 64 pixels <see cref="Light"/>, or <see cref="Standard"/> in trainings of 60 epochs or more; for larger input
    /// <see cref="Standard"/>, or <see cref="Light"/> from a million images on. In trainings of 60 epochs or more on at most 2,000 images of at most 64 pixels, and in fine-tuning of 10 epochs or more
    /// on fewer than 20,000 images, half of them are mixed in pairs (CutMix, Yun et al. 2019), unless <see cref="ResNetTrainer.Options.MixUpAlpha"/> or <see cref="ResNetTrainer.Options.CutMixAlpha"/> says otherwise. They are not where <see cref="ResNetTrainer.Options.MaxTrainingTime"/> leaves time for fewer epochs. The training accuracy is low
    /// where images are mixed, because mixed images have no single right class.
    /// </summary>
    Auto,

    /// <summary>No variation: the centre of each image, as in scoring.</summary>
    None,

    /// <summary>
    /// A random position of the crop (for images no larger than the network's input, with a border of an eighth of the size around
    /// them), and half of the images mirrored left to right.
    /// </summary>
    Light,

    /// <summary>
    /// For input of at most 64 pixels <see cref="Light"/>, with slightly varied brightness, contrast and saturation, and a rectangle
    /// erased in a tenth of the images; for larger input a random part of each image (35% to 100% of its area, ratio of sides 3:4 to
    /// 4:3), resized, with mirroring and varied colours.
    /// </summary>
    Standard,

    /// <summary>
    /// <see cref="Standard"/>, and on top of it one operation an image out of fourteen (TrivialAugment, Müller and Hutter 2021), a
    /// rectangle erased in a quarter of the images (Zhong et al. 2017), and images mixed in pairs (MixUp, Zhang et al. 2017; CutMix,
    /// Yun et al. 2019). For long trainings; training accuracy is low, because mixed images have no single right class.
    /// </summary>
    Strong,
}
