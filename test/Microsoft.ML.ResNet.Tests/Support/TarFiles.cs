using System.Formats.Tar;
using System.Text;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes tar files.</summary>
internal static class TarFiles
{
    /// <summary>Writes files in the given order.</summary>
    public static string Write(string path, TarEntryFormat format, params (string Name, byte[] Content)[] files)
    {
        using FileStream stream = File.Create(path);
        using var writer = new TarWriter(stream, format);
        foreach (var (name, content) in files)
        {
            TarEntryType type = format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
            TarEntry entry = format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(type, name),
                TarEntryFormat.Ustar => new UstarTarEntry(type, name),
                TarEntryFormat.Gnu => new GnuTarEntry(type, name),
                _ => new PaxTarEntry(type, name),
            };
            entry.DataStream = new MemoryStream(content);
            writer.WriteEntry(entry);
        }

        return path;
    }

    /// <inheritdoc cref="Write(string, TarEntryFormat, ValueTuple{string, byte[]}[])"/>
    public static string Write(string path, params (string Name, byte[] Content)[] files) => Write(path, TarEntryFormat.Pax, files);

    /// <summary>The bytes of a label beside an image.</summary>
    public static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>Tar files of pictures of one colour each, with their labels in <c>.cls</c>; the classes take turns.</summary>
    /// <returns>A pattern of their paths.</returns>
    public static string WriteColours(string folder, int files, int imagesPerFile, int side = 16)
    {
        for (int file = 0, row = 0; file < files; file++)
        {
            List<(string, byte[])> members = [];
            for (int i = 0; i < imagesPerFile; i++, row++)
            {
                bool isRed = row % 2 == 0;
                byte level = (byte)(120 + (row * 7 % 120));
                members.Add(($"{row:D5}.png", Colour(side, isRed ? (level, (byte)(row % 20), (byte)20) : ((byte)20, (byte)(row % 20), level))));
                members.Add(($"{row:D5}.cls", Text(isRed ? "red" : "blue")));
            }

            Write(Path.Combine(folder, $"train-{file:D3}.tar"), [.. members]);
        }

        return Path.Combine(folder, "train-*.tar");
    }

    private static byte[] Colour(int side, (byte R, byte G, byte B) colour) => TestImages.Encode(SKEncodedImageFormat.Png, side, side, (_, _) => colour);
}
