using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes PNG files of kinds that SkiaSharp cannot write: 1 and 16 bits, palette, transparent palette entries, interlaced.</summary>
internal static class PngWriter
{
    public const byte Grey = 0;
    public const byte Rgb = 2;
    public const byte Palette = 3;
    public const byte GreyAlpha = 4;
    public const byte Rgba = 6;

    private static readonly (int X, int Y, int StepX, int StepY)[] Adam7 =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>Writes a file. <paramref name="sample"/> gives the samples of a pixel, each of <paramref name="bits"/> bits.</summary>
    public static byte[] Write(int width, int height, byte colourType, int bits, Func<int, int, int[]> sample, bool interlaced = false, byte[]? palette = null, byte[]? transparency = null)
    {
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR", Header(width, height, colourType, bits, interlaced));
        if (palette is not null)
        {
            WriteChunk(file, "PLTE", palette);
        }

        if (transparency is not null)
        {
            WriteChunk(file, "tRNS", transparency);
        }

        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true))
        {
            foreach ((int x, int y, int stepX, int stepY) in interlaced ? Adam7 : [(0, 0, 1, 1)])
            {
                WritePass(zlib, width, height, x, y, stepX, stepY, bits, sample);
            }
        }

        WriteChunk(file, "IDAT", data.ToArray());
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>A file that claims a size and holds next to no data.</summary>
    public static byte[] Claim(int width, int height)
    {
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR", Header(width, height, Rgb, 8, false));
        WriteChunk(file, "IDAT", [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]);
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    private static byte[] Header(int width, int height, byte colourType, int bits, bool interlaced)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)bits;
        header[9] = colourType;
        header[12] = interlaced ? (byte)1 : (byte)0;
        return header;
    }

    private static void WritePass(Stream target, int width, int height, int x0, int y0, int stepX, int stepY, int bits, Func<int, int, int[]> sample)
    {
        if (x0 >= width)
        {
            return;
        }

        for (int y = y0; y < height; y += stepY)
        {
            target.WriteByte(0);
            int buffer = 0;
            int filled = 0;
            for (int x = x0; x < width; x += stepX)
            {
                foreach (int value in sample(x, y))
                {
                    buffer = (buffer << bits) | value;
                    for (filled += bits; filled >= 8; filled -= 8)
                    {
                        target.WriteByte((byte)(buffer >> (filled - 8)));
                    }
                }
            }

            if (filled > 0)
            {
                target.WriteByte((byte)(buffer << (8 - filled)));
            }
        }
    }

    /// <summary>Puts a chunk behind the header of a PNG file.</summary>
    public static byte[] WithChunk(byte[] png, string type, byte[] data)
    {
        const int header = 8 + 25;
        using var file = new MemoryStream();
        file.Write(png.AsSpan(0, header));
        WriteChunk(file, type, data);
        file.Write(png.AsSpan(header));
        return file.ToArray();
    }

    public static void WriteChunk(Stream file, string type, ReadOnlySpan<byte> data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        byte[] number = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(body));
        file.Write(number);
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }
}
