namespace Microsoft.ML.ResNet.MLNet;

/// <summary>Writes files so that a reader finds the old content or the new, never a part.</summary>
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
        string full = Path.GetFullPath(path);
        string partial = $"{full}.{Guid.NewGuid():N}{Extension}";
        try
        {
            WriteAndMove(partial, full, write);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string kept = File.Exists(full) ? " The file that was there is as it was." : "";
            throw new IOException($"File '{full}' can't be written: {exception.Message.Replace(partial, full, StringComparison.Ordinal).TrimEnd('.')}.{kept} {advice}", exception);
        }
    }

    /// <summary>Removes what writers of a file left that were killed before it was complete.</summary>
    public static void RemovePartial(string path)
    {
        string full = Path.GetFullPath(path);
        foreach (string partial in Directory.GetFiles(Path.GetDirectoryName(full)!, $"{Path.GetFileName(full)}.*{Extension}"))
        {
            File.Delete(partial);
        }
    }

    private static void WriteAndMove(string partial, string full, Action<Stream> write)
    {
        bool isMade = false;
        try
        {
            using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
            {
                isMade = true;
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, full, overwrite: true);
        }
        catch when (isMade)
        {
            File.Delete(partial);
            throw;
        }
    }
}
