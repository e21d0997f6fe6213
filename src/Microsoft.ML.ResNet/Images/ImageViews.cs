using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The views of an image whose logits are averaged.</summary>
/// <param name="Crops">Where the network's input is cut.</param>
/// <param name="AreFlipped">Whether the mirror image of each crop is a view, too.</param>
internal sealed record ImageViews(IReadOnlyList<CropPosition> Crops, bool AreFlipped)
{
    public static readonly ImageViews Single = new([CropPosition.Center], false);

    private static readonly CropPosition[] s_five = Enum.GetValues<CropPosition>();

    public int Count => AreFlipped ? 2 * Crops.Count : Crops.Count;

    public static ImageViews Of(TestTimeAugmentation augmentation) => augmentation switch
    {
        TestTimeAugmentation.None => Single,
        TestTimeAugmentation.HorizontalFlip => Single with { AreFlipped = true },
        TestTimeAugmentation.FiveCrop => new(s_five, false),
        TestTimeAugmentation.TenCrop => new(s_five, true),
        _ => throw new ArgumentOutOfRangeException(nameof(augmentation), augmentation, $"Expected {string.Join(", ", Enum.GetNames<TestTimeAugmentation>())}."),
    };

    /// <summary>Why images can't be cut into the crops of an augmentation, or null where they can.</summary>
    /// <param name="isPixels">Whether the model takes pixel vectors, which have the network's size.</param>
    public static string? Fault(TestTimeAugmentation augmentation, ImagePreprocessing images, bool isPixels)
    {
        if (Of(augmentation).Crops.Count == 1)
        {
            return null;
        }

        string? reason = isPixels ? "the model takes pixel vectors, which have the size of the network's input"
            : images.Fit != ImageFit.ShortSideCrop ? $"{nameof(ImageFit)} is {images.Fit}, which cuts nothing off"
            : images.ShortSide <= Math.Min(images.Width, images.Height) ? $"images of {images.Width} x {images.Height} pixels, 64 or less, are resized to the network's input and not cut"
            : null;
        return reason is null
            ? null
            : $"{nameof(TestTimeAugmentation)} is {augmentation}, but {reason}; expected {nameof(TestTimeAugmentation.None)} or {nameof(TestTimeAugmentation.HorizontalFlip)}.";
    }

    /// <summary>The logits of a batch of crops, averaged over mirror images where these are views.</summary>
    /// <param name="forward">Computes [N,K] from [N,C,H,W].</param>
    /// <param name="images">[N,C,H,W].</param>
    public Tensor Logits(Func<Tensor, Tensor> forward, Tensor images)
    {
        if (!AreFlipped)
        {
            return forward(images);
        }

        long count = images.shape[0];
        return forward(cat([images, images.flip(3)])).view(2, count, -1).mean([0]);
    }
}
