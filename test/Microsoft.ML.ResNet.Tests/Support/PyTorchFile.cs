using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Puts files together as torch.save does: the zip of PyTorch 1.6 and later, and what came before.</summary>
internal static class PyTorchFile
{
    public static byte[] Zip(byte[] pickle, params (string Key, byte[] Content)[] storages) => Zip(pickle, CompressionLevel.NoCompression, "little", storages);

    public static byte[] Zip(byte[] pickle, CompressionLevel level, string byteOrder, params (string Key, byte[] Content)[] storages)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(archive, "archive/data.pkl", pickle, level);
            Add(archive, "archive/byteorder", [.. byteOrder.Select(letter => (byte)letter)], CompressionLevel.NoCompression);
            foreach (var (key, content) in storages)
            {
                Add(archive, $"archive/data/{key}", content, level);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A file whose directory says that its last entry has more of extra fields than the file has.</summary>
    public static byte[] ZipThatAnnouncesMoreThanItHas()
    {
        byte[] content = Zip(new PickleWriter().Op('}').ToArray());
        int last = content.AsSpan().LastIndexOf("PK\x01\x02"u8);
        content[last + 30] = 0xb8;
        return content;
    }

    /// <param name="storages">Element count and bytes of each, in the order of the keys.</param>
    public static byte[] Legacy(byte[] pickle, params (string Key, long Count, byte[] Content)[] storages)
    {
        byte[] magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];
        byte[] protocol = new PickleWriter().Number(1001).ToArray();
        byte[] system = new PickleWriter().Op('}').Op('(').Text("little_endian").Raw(0x88).Op('u').ToArray();
        var keys = new PickleWriter().Op(']').Op('(');
        foreach (var (key, _, _) in storages)
        {
            keys.Text(key);
        }

        return [.. magic, .. protocol, .. system, .. pickle, .. keys.Op('e').ToArray(), .. storages.SelectMany(storage => BitConverter.GetBytes(storage.Count).Concat(storage.Content))];
    }

    public static byte[] Bytes<T>(params T[] values)
        where T : struct
        => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static void Add(ZipArchive archive, string name, byte[] content, CompressionLevel level)
    {
        using Stream entry = archive.CreateEntry(name, level).Open();
        entry.Write(content);
    }
}
