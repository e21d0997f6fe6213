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
}
