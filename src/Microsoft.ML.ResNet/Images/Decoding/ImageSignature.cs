using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Tells what a file that no codec takes holds, from its first bytes, for the error message.</summary>
internal static class ImageSignature
{
    public const string SupportedFormats = "JPEG, PNG, WebP, BMP, GIF";

    private static readonly (int Offset, string Bytes, string Description)[] Known =
    [
        (0, "\u00FF\u00D8\u00FF", "a JPEG image with a damaged or incomplete header"),
        (0, "\u0089PNG", "a PNG image with a damaged or incomplete header"),
        (0, "GIF8", "a GIF image with a damaged or incomplete header"),
        (8, "WEBP", "a WebP image with a damaged or incomplete header"),
        (0, "BM", "a BMP image with a damaged or incomplete header"),
        (0, "II*\0", "a TIFF image"),
        (0, "MM\0*", "a TIFF image"),
        (0, "II+\0", "a BigTIFF image"),
        (0, "MM\0+", "a BigTIFF image"),
        (4, "ftypavif", "an AVIF image"),
        (4, "ftypavis", "an AVIF image"),
        (4, "ftyphei", "a HEIC image"),
        (4, "ftyphev", "a HEIC image"),
        (4, "ftypmif1", "a HEIF image"),
        (4, "ftypmsf1", "a HEIF image"),
        (4, "ftyp", "an MP4 or QuickTime file"),
        (0, "\0\0\0\fjP  ", "a JPEG 2000 image"),
        (0, "\u00FFO\u00FFQ", "a JPEG 2000 image"),
        (0, "\0\0\0\fJXL ", "a JPEG XL image"),
        (0, "\u00FF\n", "a JPEG XL image"),
        (0, "8BPS", "a Photoshop image"),
        (0, "\0\0\u0001\0", "an ICO image"),
        (0, "%PDF", "a PDF document"),
        (0, "%!PS", "a PostScript document"),
        (0, "PK\u0003\u0004", "a ZIP archive"),
        (0, "\u001F\u008B", "a gzip archive"),
        (0, "version https://git-lfs", "a Git LFS pointer, not the file itself (run 'git lfs pull')"),
    ];

    /// <summary>Whether a file that begins so is of a format that is decoded.</summary>
    /// <param name="start">The first 32 bytes, or all where there are fewer.</param>
    public static bool IsSupported(ReadOnlySpan<byte> start)
        => start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
            || start.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A])
            || start.StartsWith("GIF87a"u8) || start.StartsWith("GIF89a"u8)
            || (start.Length >= 12 && start.StartsWith("RIFF"u8) && start[8..].StartsWith("WEBP"u8))
            || IsBitmap(start);

    /// <summary>Texts may begin with "BM" too: the header after it has to be of a known length.</summary>
    private static bool IsBitmap(ReadOnlySpan<byte> start)
        => start.Length >= 18 && start.StartsWith("BM"u8) && BinaryPrimitives.ReadUInt32LittleEndian(start[14..]) is 12 or 40 or 52 or 56 or 64 or 108 or 124;

    /// <summary>Names what the bytes are, as the end of a sentence: "a TIFF image".</summary>
    public static string Describe(ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
        {
            return "nothing: it is empty (0 bytes)";
        }

        string head = Encoding.Latin1.GetString(content[..Math.Min(content.Length, 256)]);
        foreach ((int offset, string bytes, string description) in Known)
        {
            if (head.AsSpan(Math.Min(offset, head.Length)).StartsWith(bytes))
            {
                return description;
            }
        }

        return DescribeText(head) ?? "no known image format";
    }

    /// <summary>The size in a header whose sides are longer than decoders take, though the format allows it; null for any other. It may be a damaged one.</summary>
    /// <returns>The format, the size in pixels, and the longest side that is decoded.</returns>
    public static (string Format, long Width, long Height, int Limit)? LongSides(ReadOnlySpan<byte> content)
    {
        const int png = 1_000_000;      // libpng's PNG_USER_WIDTH_MAX and PNG_USER_HEIGHT_MAX.
        const int bitmap = 65_535;      // Skia's SkBmpCodec.
        var (format, width, height, limit) = content switch
        {
            [0x89, (byte)'P', (byte)'N', (byte)'G', ..] when content.Length >= 24 => ("PNG", BinaryPrimitives.ReadUInt32BigEndian(content[16..]), BinaryPrimitives.ReadUInt32BigEndian(content[20..]), png),
            _ when IsBitmap(content) && content.Length >= 26 && content[14] > 12 => ("BMP", (long)BinaryPrimitives.ReadInt32LittleEndian(content[18..]), Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(content[22..])), bitmap),
            _ => ("", 0, 0, 0),
        };
        return Math.Max(width, height) > limit ? (format, width, height, limit) : null;
    }

    private static string? DescribeText(string head)
    {
        string text = head.TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        if (text.Contains("<svg", StringComparison.OrdinalIgnoreCase))
        {
            return "an SVG drawing";
        }

        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return "an HTML page";
        }

        if (text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase))
        {
            return "an XML document";
        }

        return text.All(c => c >= ' ' || c is '\t' or '\r' or '\n' or '\f') ? "text" : null;
    }
}
