namespace Microsoft.ML.ResNet.Images;

/// <summary>Decodes JPEG, PNG, WebP, BMP and GIF (its first frame) by content, whatever the name says, to upright RGB without alpha.</summary>
/// <remarks>Thread-safe. Colour profiles are not applied, as in torchvision's pipelines: the network was trained on the stored values.</remarks>
internal static class ImageDecoder
{
    /// <summary>Most pixels an image may have by default: where Pillow stops too (twice its MAX_IMAGE_PIXELS, 1 GiB / 4 / 3).</summary>
    public const long DefaultMaxPixels = 178_956_970;

    /// <summary>Decodes an image.</summary>
    /// <param name="encoded">The whole file.</param>
    /// <param name="source">Begins the sentence of an error: "Image file 'a.jpg'", "The image in row 7".</param>
    /// <param name="maxPixels">Most pixels that the image may have; checked before memory is allocated.</param>
    /// <param name="minimumShortSide">
    /// 0: full size. Otherwise a JPEG may be decoded at a smaller scale as long as it can still be resized to this short side without
    /// a visible difference (<see cref="ImageGeometry.DecodingEighths"/>).
    /// </param>
    /// <exception cref="InvalidDataException">Not an image of a supported format, incomplete, damaged or too large.</exception>
    public static PixelImage Decode(ReadOnlyMemory<byte> encoded, string source, long maxPixels = DefaultMaxPixels, int minimumShortSide = 0)
    {
        using EncodedImage image = EncodedImage.Open(encoded, source, maxPixels);
        return image.Decode(minimumShortSide <= 0 ? 8 : ImageGeometry.DecodingEighths(minimumShortSide / (double)Math.Min(image.Width, image.Height)));
    }

    /// <summary>Decodes an image file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxPixels">As for <see cref="Decode"/>.</param>
    /// <param name="minimumShortSide">As for <see cref="Decode"/>.</param>
    /// <exception cref="InvalidDataException">Not an image of a supported format, incomplete, damaged or too large.</exception>
    /// <exception cref="FileNotFoundException">No such file.</exception>
    /// <exception cref="DirectoryNotFoundException">No such folder.</exception>
    /// <exception cref="UnauthorizedAccessException">The path is a folder, or may not be read.</exception>
    public static PixelImage DecodeFile(string path, long maxPixels = DefaultMaxPixels, int minimumShortSide = 0)
    {
        using EncodedFile file = EncodedFile.Read(path);
        return Decode(file.Content, file.Source, maxPixels, minimumShortSide);
    }
}
