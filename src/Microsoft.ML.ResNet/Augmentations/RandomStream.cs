namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// What a draw for a row is for. Each has a random generator of its own, so that turning one operation on or off leaves the draws of the
/// others as they are. The numbers are part of what a seed means: a new member gets a new number.
/// </summary>
internal enum RandomStream
{
    /// <summary>The position, and for a resized crop the size, of the window that is cut out.</summary>
    Crop = 0,

    HorizontalFlip = 1,

    VerticalFlip = 2,

    ColorJitter = 3,

    TrivialAugment = 4,

    Erasing = 5,

    /// <summary>MixUp and CutMix.</summary>
    Mixing = 6,

    /// <summary>The split into training and validation.</summary>
    Split = 7,
}
