namespace Microsoft.ML.ResNet;

/// <summary>How an image of any shape is fitted to the network's input size. The same fit is used in training and in scoring.</summary>
/// <remarks>Every fit resizes with an antialiased bilinear filter. An image that is too small is enlarged.</remarks>
public enum ImageFit
{
    /// <summary>
    /// Resizes the short side to a given length, the aspect ratio kept, and takes the centre. Nothing is distorted, but what lies at
    /// the ends of the long side is not seen. This is how torchvision evaluates its ResNets (<c>Resize</c>, then <c>CenterCrop</c>).
    /// </summary>
    ShortSideCrop = 0,

    /// <summary>Resizes the whole image to the input size. Everything is seen, but the aspect ratio is lost.</summary>
    Stretch = 1,

    /// <summary>
    /// Resizes the whole image, the aspect ratio kept, until its long side fits, and fills the rest with white, half on each side
    /// (letterbox). Nothing is distorted and everything is seen, but at a smaller scale.
    /// </summary>
    Pad = 2,
}
