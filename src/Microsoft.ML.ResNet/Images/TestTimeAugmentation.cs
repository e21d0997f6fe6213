namespace Microsoft.ML.ResNet;

/// <summary>The views of an image that a model scores and averages. The names are those of torchvision's transforms.</summary>
/// <remarks>
/// The logits of the views are averaged, and softmax makes the scores of their mean. Each view costs as much as scoring the image once; the image is read and decoded once.
/// </remarks>
public enum TestTimeAugmentation
{
    /// <summary>One view: the image as <see cref="ImagePreprocessing"/> describes it.</summary>
    None = 0,

    /// <summary>Two views: the image and its mirror image. Not for classes that differ by left and right, such as letters or arrows.</summary>
    HorizontalFlip = 1,

    /// <summary>
    /// Five views: the centre and the four corners of the image, whose short side is <see cref="ImagePreprocessing.ShortSide"/>; of images that are longer than three times their
    /// width, or wider than three times their height, the corners of the middle part. For image files and <see cref="ImageFit.ShortSideCrop"/> with inputs above 64 pixels: smaller inputs
    /// are the whole picture.
    /// </summary>
    FiveCrop = 2,

    /// <summary>Ten views: those of <see cref="FiveCrop"/> and their mirror images.</summary>
    TenCrop = 3,
}
