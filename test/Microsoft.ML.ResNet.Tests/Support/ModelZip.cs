using System.IO.Compression;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Changes parts of a saved model.</summary>
internal static class ModelZip
{
    /// <param name="part">The name of an entry, without its folder.</param>
    public static void Rewrite(string zipPath, string part, Func<byte[], byte[]> change)
    {
        using ZipArchive zip = ZipFile.Open(zipPath, ZipArchiveMode.Update);
        ZipArchiveEntry entry = zip.Entries.Single(item => item.Name == part);
        using var content = new MemoryStream();
        using (Stream stream = entry.Open())
        {
            stream.CopyTo(content);
        }

        string name = entry.FullName;
        entry.Delete();
        using Stream target = zip.CreateEntry(name).Open();
        target.Write(change(content.ToArray()));
    }

    /// <summary>Packs all entries again, as another program does.</summary>
    /// <param name="rename">Changes the full name of an entry.</param>
    /// <param name="change">Changes the content of an entry.</param>
    public static void Repack(string zipPath, CompressionLevel level, Func<string, string>? rename = null, Func<string, byte[], byte[]>? change = null)
    {
        string packed = $"{zipPath}.packed";
        using (ZipArchive source = ZipFile.OpenRead(zipPath), target = ZipFile.Open(packed, ZipArchiveMode.Create))
        {
            foreach (ZipArchiveEntry entry in source.Entries)
            {
                using var content = new MemoryStream();
                using (Stream from = entry.Open())
                {
                    from.CopyTo(content);
                }

                using Stream to = target.CreateEntry(rename?.Invoke(entry.FullName) ?? entry.FullName, level).Open();
                to.Write(change?.Invoke(entry.Name, content.ToArray()) ?? content.ToArray());
            }
        }

        File.Move(packed, zipPath, overwrite: true);
    }
}
