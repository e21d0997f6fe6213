namespace Microsoft.ML.ResNet.Images;

/// <summary>Brings any image to the network's input size: decode, turn upright, compose on the background, resize. Thread-safe.</summary>
internal sealed class ImagePreprocessor
{
    private readonly ImageResizer _resizer = new();
    private readonly int _shortSide;
    private readonly ImageFit _fit;
    private readonly long _maxPixels;

    /// <summary>Makes a preprocessor.</summary>
    /// <param name="width">Width of the network's input.</param>
    /// <param name="height">Height of the network's input.</param>
    /// <param name="shortSide">Length of the short side before the crop; only <see cref="ImageFit.ShortSideCrop"/> uses it. torchvision: 256 for 224.</param>
    /// <param name="fit">The way to fit an image to the input.</param>
    /// <param name="maxPixels">Most pixels that an encoded image may have.</param>
    public ImagePreprocessor(int width, int height, int shortSide, ImageFit fit, long maxPixels = ImageDecoder.DefaultMaxPixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(shortSide, 1);
        Width = width;
        Height = height;
        _shortSide = shortSide;
        _fit = fit;
        _maxPixels = maxPixels;
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>The parts of an image that are cut out; one, unless several are scored.</summary>
    public IReadOnlyList<CropPosition> Crops { get; init; } = ImageViews.Single.Crops;

    /// <summary>Length in bytes of what <c>Load</c> writes: [Crops,Height,Width,3] uint8.</summary>
    public int OutputLength => Crops.Count * CropLength;

    /// <summary>Whether a JPEG may be decoded at n/8 of its size where the result is small.</summary>
    public bool AllowScaledDecoding { get; init; } = true;

    private int CropLength => Width * Height * 3;

    /// <summary>Which part of an upright image of this size goes where in the network's input.</summary>
    public ImagePlacement Place(int width, int height, CropPosition crop = CropPosition.Center) => ImageGeometry.Place(width, height, Width, Height, _shortSide, _fit, crop);

    /// <summary>Decodes and fits an encoded image.</summary>
    /// <param name="encoded">The whole file.</param>
    /// <param name="source">Begins the sentence of an error: "The image in row 7".</param>
    /// <param name="destination">[Crops,Height,Width,3] uint8, RGB, 0..255.</param>
    /// <exception cref="InvalidDataException">The image cannot be decoded; see <see cref="ImageDecoder.Decode"/>.</exception>
    public void Load(ReadOnlyMemory<byte> encoded, string source, Span<byte> destination)
    {
        using EncodedImage image = EncodedImage.Open(encoded, source, _maxPixels);
        ImagePlacement[] placements = PlaceAll(image.Width, image.Height);
        int eighths = AllowScaledDecoding ? ImageGeometry.DecodingEighths(placements[0].Scale) : 8;
        using PixelImage pixels = image.Decode(eighths, placements.Select(placement => placement.Needed).Aggregate(ImageBox.Around));
        Draw(pixels, placements, destination);
    }

    /// <summary>Decodes and fits an image file.</summary>
    /// <inheritdoc cref="ImageDecoder.DecodeFile" path="/exception"/>
    public void LoadFile(string path, Span<byte> destination)
    {
        using EncodedFile file = EncodedFile.Read(path);
        Load(file.Content, file.Source, destination);
    }

    /// <summary>Fits a decoded image, which is neither changed nor disposed.</summary>
    /// <param name="image">The image.</param>
    /// <param name="destination">[Crops,Height,Width,3] uint8, RGB, 0..255.</param>
    public void Load(PixelImage image, Span<byte> destination) => Draw(image, PlaceAll(image.OriginalWidth, image.OriginalHeight), destination);

    private ImagePlacement[] PlaceAll(int width, int height) => [.. Crops.Select(crop => Place(width, height, crop))];

    private void Draw(PixelImage image, ImagePlacement[] placements, Span<byte> destination)
    {
        if (destination.Length < OutputLength)
        {
            throw new ArgumentException($"{Crops.Count} x {Width} x {Height} pixels are {OutputLength} bytes, but the destination has {destination.Length}.", nameof(destination));
        }

        for (int i = 0; i < placements.Length; i++)
        {
            Draw(image, placements[i], destination.Slice(i * CropLength, CropLength));
        }
    }

    private void Draw(PixelImage image, in ImagePlacement placement, Span<byte> destination)
    {
        if (placement.Width < Width || placement.Height < Height)
        {
            destination.Fill(PixelImage.Background);
        }

        Span<byte> corner = destination[((((placement.Y * Width) + placement.X) * 3))..];
        _resizer.Resize(image, placement.Source, corner, placement.Width, placement.Height, targetStride: Width * 3);
    }
}
