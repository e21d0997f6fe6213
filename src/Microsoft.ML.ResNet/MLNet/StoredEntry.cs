using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.MLNet;

/// <summary>
/// Entries of a model's archive that are stored as they are. ML.NET writes every entry to a temporary file and deflates it from there,
/// which takes seconds for weights and makes them a twentieth smaller, and reads it from a temporary file again. Its archive is in a private field; where a
/// version has none of that name, entries are written and read as ML.NET does.
/// </summary>
internal static class StoredEntry
{
    /// <param name="write">Writes the content, from begin to end.</param>
    public static void Save(ModelSaveContext context, string name, Action<Stream> write)
    {
        if (ArchiveOf(context.Repository) is not { } archive)
        {
            context.SaveBinaryStream(name, writer => write(writer.BaseStream));
            return;
        }

        ZipArchiveEntry entry = archive.CreateEntry(Path.Combine(context.Directory ?? "", name), CompressionLevel.NoCompression);
        using Stream stream = entry.Open();
        using var buffered = new BufferedStream(stream, 1 << 16);
        write(buffered);
    }

    /// <summary>Reads an entry.</summary>
    /// <param name="load">Takes the content and, where they are known, its length and its checksum, which ML.NET doesn't look at.</param>
    /// <returns>False where there is no such entry.</returns>
    public static bool TryLoad(ModelLoadContext context, string name, Action<Stream, (long Length, uint Crc32)?> load)
    {
        // Files from Windows have backslashes.
        string path = Normalized(Path.Combine(context.Directory ?? "", name));
        if (ArchiveOf(context.Repository)?.Entries.LastOrDefault(item => Normalized(item.FullName) == path) is not { } entry)
        {
            return context.TryLoadBinaryStream(name, reader => load(reader.BaseStream, null));
        }

        using Stream stream = entry.Open();
        load(stream, (entry.Length, entry.Crc32));
        return true;

        static string Normalized(string path) => path.Replace('\\', '/');
    }

    private static ZipArchive? ArchiveOf(RepositoryWriter writer)
    {
        try
        {
            return Archive(writer);
        }
        catch (MissingFieldException)
        {
            return null;
        }
    }

    private static ZipArchive? ArchiveOf(RepositoryReader reader)
    {
        try
        {
            return Archive(reader);
        }
        catch (MissingFieldException)
        {
            return null;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archive")]
    private static extern ref ZipArchive? Archive(RepositoryWriter writer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archive")]
    private static extern ref ZipArchive? Archive(RepositoryReader reader);
}
