
namespace Microsoft.ML.ResNet.Datasets;

/// <summary>How the images of a data set are read. What is null is decided by the data.</summary>
internal sealed record ReadingSettings
{
    public required BadImageHandling BadImages { get; init; }

    public required PixelRange PixelRange { get; init; }

    /// <summary>The width and height of the network's input.</summary>
    public required int? ImageSize { get; init; }

    /// <summary>The size of the images that the network's first weights were made with, where the size is open and they are for no classes of their own.</summary>
    public int? StartImageSize { get; init; }

    public required float[]? Mean { get; init; }

    public required float[]? StandardDeviation { get; init; }

    public required ImageFit ImageFit { get; init; }

    /// <summary>Whether checkpoints will ask later if the images are still the same.</summary>
    public required bool HasFingerprints { get; init; }

    /// <summary>Whether images are decoded anew in each epoch, and not kept; null: where those of tar files don't fit into memory.</summary>
    public bool? StreamImages { get; init; }

    public required ImageCacheSettings Cache { get; init; }
}
