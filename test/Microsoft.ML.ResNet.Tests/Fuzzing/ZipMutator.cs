using System.IO.Compression;

namespace Microsoft.ML.ResNet.Tests.Fuzzing;

/// <summary>Damages what lies inside a zip archive and packs it again, with checksums that are right: so damage comes past the archive's own checks.</summary>
internal static class ZipMutator
{
    private static readonly string[] Names = ["../../outside", "/etc/passwd", "C:\\Windows\\a", "archive/code/a.py", "a/constants.pkl", "", "archive/data/../data.pkl", new('n', 5000)];

    public static byte[] Mutate(byte[] zip, byte[] other, Mutator mutator)
    {
        List<(string Name, byte[] Content)> entries = Read(zip);
        int index = mutator.Random.Next(entries.Count);
        (string name, byte[] content) = entries[index];
        switch (mutator.Random.Next(8))
        {
            case 0:
                entries.RemoveAt(index);
                break;
            case 1:
                entries.Insert(mutator.Random.Next(entries.Count), entries[index]);
                break;
            case 2:
                entries[index] = (Names[mutator.Random.Next(Names.Length)], content);
                break;
            case 3:
                entries[index] = (name, new byte[mutator.Random.Next(1 << 18)]);
                break;
            default:
                List<(string, byte[] Content)> others = Read(other);
                entries[index] = (name, content.Length == 0 ? content : mutator.Mutate(content, others[Math.Min(index, others.Count - 1)].Content is { Length: > 0 } piece ? piece : content));
                break;
        }

        return Write(entries, mutator.Random.Next(8) == 0 ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression);
    }

    public static List<(string Name, byte[] Content)> Read(byte[] zip)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        List<(string, byte[])> entries = [];
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using Stream stream = entry.Open();
            byte[] content = new byte[entry.Length];
            stream.ReadExactly(content);
            entries.Add((entry.FullName, content));
        }

        return entries;
    }

    public static byte[] Write(IEnumerable<(string Name, byte[] Content)> entries, CompressionLevel level)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using Stream target = archive.CreateEntry(name.Length > 0 ? name : "a", level).Open();
                target.Write(content);
            }
        }

        return stream.ToArray();
    }
}
