using System.Formats.Tar;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Lists the files in tar files of all formats, in their order, without reading their content.</summary>
internal static class TarMembers
{
    private const int BlockSize = 512;

    /// <summary>Reads the headers, one after the other.</summary>
    /// <exception cref="FileNotFoundException">The tar file doesn't exist.</exception>
    /// <exception cref="InvalidDataException">It is no tar file, or is cut off, or goes on behind its end.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static IEnumerable<TarMember> Read(string path)
    {
        using FileStream stream = Open(path);
        using var reader = new TarReader(stream, leaveOpen: true);
        string? last = null;
        long end = 0;
        while (Next(reader, path, last) is { } entry)
        {
            last = entry.Name;
            end = stream.Position;
            if (entry.EntryType is TarEntryType.HardLink or TarEntryType.SymbolicLink)
            {
                yield return new TarMember(TarMember.Normalize(entry.Name), 0, 0, IsLink: true);
            }
            else if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
            {
                TarMember member = new(TarMember.Normalize(entry.Name), ContentOffset(entry, stream), entry.Length, IsLink: false);
                end = Math.Max(end, member.Offset + Padded(member.Length));
                if (member.Offset + member.Length > stream.Length)
                {
                    throw CutOff(path, $"in the midst of '{last}'");
                }

                yield return member;
            }
        }

        CheckEnd(stream, path, end, last);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"The tar file '{path}' does not exist.", path, exception);
        }
    }

    private static TarEntry? Next(TarReader reader, string path, string? last)
    {
        try
        {
            return reader.GetNextEntry();
        }
        catch (EndOfStreamException exception)
        {
            throw CutOff(path, last is null ? "in its first header" : $"after '{last}'", exception);
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or NotSupportedException or ArgumentException)
        {
            throw new InvalidDataException(
                last is null
                    ? $"'{path}' is no tar file: {exception.Message.TrimEnd('.')}. Decompress it where it is compressed: images don't get smaller by that, and a compressed file can be read from its beginning alone."
                    : $"The tar file '{path}' is damaged after '{last}': {exception.Message.TrimEnd('.')}.",
                exception);
        }
    }

    /// <summary>The reader doesn't say where a member begins, but reads the member from there.</summary>
    private static long ContentOffset(TarEntry entry, FileStream stream)
    {
        if (entry.DataStream is not { } content)
        {
            return stream.Position; // It is empty.
        }

        content.Position = 0;
        content.ReadByte();
        return stream.Position - 1;
    }

    /// <summary>Blocks of zeros end a tar file. Without them it was cut off; what comes behind them would be left out in silence.</summary>
    private static void CheckEnd(FileStream stream, string path, long end, string? last)
    {
        byte[] rest = new byte[64 << 10];
        stream.Position = end;
        int count = stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false);
        if (count < BlockSize)
        {
            throw CutOff(path, last is null ? "before its first file" : $"after '{last}': the blocks of zeros that end a tar file are missing");
        }

        for (; count > 0; count = stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false))
        {
            if (rest.AsSpan(0, count).ContainsAnyExcept((byte)0))
            {
                throw new InvalidDataException($"The tar file '{path}' goes on behind its end, as when several are put together with 'cat'. Give them as files of their own, or put them together with 'tar --concatenate'.");
            }
        }
    }

    private static long Padded(long length) => (length + BlockSize - 1) / BlockSize * BlockSize;

    private static InvalidDataException CutOff(string path, string where, Exception? inner = null)
        => new($"The tar file '{path}' ends {where}. Copy it again, or write it again.", inner);
}
