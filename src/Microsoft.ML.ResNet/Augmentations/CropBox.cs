namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>A part of an image, in whole pixels.</summary>
internal readonly record struct CropBox(int Left, int Top, int Width, int Height);
