namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes animated GIF files of four colours, without compressing them.</summary>
internal static class GifWriter
{
    /// <summary>Writes a file. A frame gives the palette index of a pixel.</summary>
    public static byte[] Write(int width, int height, byte[] palette, params Func<int, int, int>[] frames)
    {
        using var file = new MemoryStream();
        file.Write("GIF89a"u8);
        file.Write([(byte)width, 0, (byte)height, 0, 0x91, 0, 0]);
        file.Write(palette);
        foreach (Func<int, int, int> frame in frames)
        {
            file.Write([0x21, 0xF9, 4, 0, 10, 0, 0, 0]);
            file.Write([0x2C, 0, 0, 0, 0, (byte)width, 0, (byte)height, 0, 0, 2]);
            byte[] codes = Encode(width, height, frame);
            for (int start = 0; start < codes.Length; start += 255)
            {
                int count = Math.Min(255, codes.Length - start);
                file.WriteByte((byte)count);
                file.Write(codes, start, count);
            }

            file.WriteByte(0);
        }

        file.WriteByte(0x3B);
        return file.ToArray();
    }

    // Codes of three bits: 0..3 colours, 4 clear, 5 end. A clear before every second pixel keeps the width at three.
    private static byte[] Encode(int width, int height, Func<int, int, int> frame)
    {
        var codes = new List<int>();
        for (int i = 0; i < width * height; i++)
        {
            if (i % 2 == 0)
            {
                codes.Add(4);
            }

            codes.Add(frame(i % width, i / width));
        }

        codes.Add(5);
        byte[] packed = new byte[((codes.Count * 3) + 7) / 8];
        for (int bit = 0; bit < codes.Count * 3; bit++)
        {
            packed[bit / 8] |= (byte)(((codes[bit / 3] >> (bit % 3)) & 1) << (bit % 8));
        }

        return packed;
    }
}
