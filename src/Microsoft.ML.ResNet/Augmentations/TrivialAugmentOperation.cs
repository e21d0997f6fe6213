namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>The operations of TrivialAugment's wide space, in torchvision's order.</summary>
internal enum TrivialAugmentOperation
{
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}
