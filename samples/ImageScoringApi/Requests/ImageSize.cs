using SkiaSharp;

namespace ImageScoringApi.Requests;

/// <summary>Reads the size of an image out of its file's first bytes: a file of some kilobytes may take a gigabyte when it is decoded.</summary>
internal static class ImageSize
{
    /// <summary>Width and height, or null where the header can't be read; decoding then says what is wrong.</summary>
    public static (int Width, int Height)? Of(byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        using SKCodec? codec = SKCodec.Create(stream);
        return codec is null ? null : (codec.Info.Width, codec.Info.Height);
    }
}
