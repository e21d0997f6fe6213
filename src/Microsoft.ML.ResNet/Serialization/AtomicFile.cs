namespace Microsoft.ML.ResNet.Serialization;

/// <summary>Writes files so that a reader finds the old content or the new, never a part.</summary>
internal static class AtomicFile
{
    /// <summary>Writes to a file beside <paramref name="path"/> and puts it in place when it is complete and on the disk.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string partial = $"{full}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, full, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
