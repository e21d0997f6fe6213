using System.Formats.Tar;
using System.Runtime.Versioning;

namespace Microsoft.ML.ResNet.MLNet;

/// <summary>
/// Writes files so that a reader finds the old content or the new, never a part. A link stays one: the file that it leads to is written. A file that is there keeps its Unix mode.
/// What is no file, such as a pipe or a device, is written into as it is.
/// </summary>
internal static class AtomicFile
{
    private const string Extension = ".partial";

    /// <summary>Writes to a file beside <paramref name="path"/> and puts it in place when it is complete and on the disk.</summary>
    /// <param name="path">The file. Its folder must be there.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="advice">A sentence for the error, on what to do.</param>
    /// <exception cref="IOException">It can't be written: the disk is full, the folder is missing or may not be written. A file that was there is as it was.</exception>
    public static void Write(string path, Action<Stream> write, string advice = "Free space there or choose another path.")
    {
        string full = Path.GetFullPath(path), target = full, partial = "";
        bool isStream = false;
        try
        {
            target = TargetOf(full);
            isStream = IsStream(full, target);
            if (isStream)
            {
                using var stream = new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                write(stream);
                return;
            }

            partial = $"{target}.{Guid.NewGuid():N}{Extension}";
            WriteAndMove(partial, target, write);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string kept = !isStream && File.Exists(target) ? " The file that was there is as it was." : "";
            string reason = partial.Length > 0 ? exception.Message.Replace(partial, full, StringComparison.Ordinal) : exception.Message;
            throw new IOException($"File '{full}' can't be written: {reason.TrimEnd('.')}.{kept} {advice}", exception);
        }
    }

    /// <summary>Removes what writers of a file left that were killed before it was complete.</summary>
    public static void RemovePartial(string path)
    {
        string target = TargetOf(Path.GetFullPath(path)), folder = Path.GetDirectoryName(target)!;
        foreach (string partial in Directory.Exists(folder) ? Directory.GetFiles(folder, $"{Path.GetFileName(target)}.*{Extension}") : [])
        {
            File.Delete(partial);
        }
    }

    /// <summary>The file itself, or that at the end of the links, which need not be there.</summary>
    private static string TargetOf(string full) => new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;

    /// <summary>Whether a path leads to a device, a pipe or an open file without a name, which another file can't take the place of.</summary>
    private static bool IsStream(string full, string target)
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        // The link of /dev/stdout may lead to a name that no folder has, and yet be open; a link to a file that is gone can't be.
        return File.Exists(target)
            ? new FileInfo(target).Length == 0 && TypeOf(target) is TarEntryType.CharacterDevice or TarEntryType.BlockDevice or TarEntryType.Fifo
            : full != target && CanBeOpened(full);
    }

    [UnsupportedOSPlatform("windows")]
    private static bool CanBeOpened(string link)
    {
        try
        {
            return File.GetUnixFileMode(link) != UnixFileMode.None;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    /// <summary>The type of a file without content. Nothing else of .NET 8 tells it without opening the file, which would wait at a pipe.</summary>
    private static TarEntryType TypeOf(string path)
    {
        using var archive = new MemoryStream();
        try
        {
            using (var writer = new TarWriter(archive, leaveOpen: true))
            {
                writer.WriteEntry(path, "file");
            }
        }
        catch (UnauthorizedAccessException)
        {
            // It was opened, as files are: one that may not be read.
            return TarEntryType.RegularFile;
        }

        archive.Position = 0;
        using var reader = new TarReader(archive);
        return reader.GetNextEntry()!.EntryType;
    }

    private static void WriteAndMove(string partial, string target, Action<Stream> write)
    {
        bool isMade = false;
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            bool keepsMode = !OperatingSystem.IsWindows() && File.Exists(target);
            if (!OperatingSystem.IsWindows() && keepsMode)
            {
                options.UnixCreateMode = File.GetUnixFileMode(target);
            }

            using (var stream = new FileStream(partial, options))
            {
                isMade = true;
                if (!OperatingSystem.IsWindows() && keepsMode && File.GetUnixFileMode(stream.SafeFileHandle) != options.UnixCreateMode)
                {
                    // The process's mask took something away. A file system without modes, which may refuse to set one, doesn't come here.
                    File.SetUnixFileMode(stream.SafeFileHandle, options.UnixCreateMode!.Value);
                }

                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, target, overwrite: true);
        }
        catch when (isMade)
        {
            File.Delete(partial);
            throw;
        }
    }
}
