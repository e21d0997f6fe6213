namespace Microsoft.ML.ResNet.Images;

/// <summary>Which part of a resized image the network's input is cut from.</summary>
internal enum CropPosition
{
    Center,
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}
