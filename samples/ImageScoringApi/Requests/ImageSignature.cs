namespace ImageScoringApi.Requests;

/// <summary>Tells by their first bytes files that are no image at all, so that they don't get into a batch.</summary>
internal static class ImageSignature
{
    public const string Formats = "JPEG, PNG, WebP, GIF or BMP";

    public static bool IsImage(ReadOnlySpan<byte> content)
        => content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
            || content.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A])
            || content.StartsWith("GIF8"u8)
            || content.StartsWith("BM"u8)
            || (content.Length > 12 && content.StartsWith("RIFF"u8) && content[8..12].SequenceEqual("WEBP"u8));
}
