using System.Text;

namespace Microsoft.ML.ResNet.Images;

/// <summary>An image file, or one in a tar file: <c>train-000.tar/cats/1.jpg</c>.</summary>
/// <param name="Path">The path of the file, or of the tar file; null where there is none.</param>
/// <param name="Offset">Where the content begins in a tar file; 0 for a file of its own.</param>
/// <param name="Length">The bytes of the content in a tar file.</param>
internal readonly record struct ImageFile(string? Path, long Offset = 0, int Length = 0)
{
    /// <summary>The block before the content of a file in a tar file: its name, size and other properties.</summary>
    public const int HeaderLength = 512;

    /// <summary>How the names of tar files end.</summary>
    public const string TarExtension = ".tar";

    /// <summary>Whether it lies in a tar file.</summary>
    public bool IsMember => Offset > 0;

    /// <summary>What a path means. A path into a tar file that can't be read, or without such a file, stays a path, whose reading fails.</summary>
    public static ImageFile Of(string path)
    {
        try
        {
            return Find(path);
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            return new ImageFile(path);
        }
    }

    /// <summary>What a path means.</summary>
    /// <exception cref="FileNotFoundException">The tar file has no file of this name.</exception>
    /// <exception cref="InvalidDataException">The tar file is damaged.</exception>
    /// <exception cref="IOException">The tar file can't be read.</exception>
    public static ImageFile Find(string path)
    {
        if (!TrySplit(path, out string tar, out string member))
        {
            return new ImageFile(path);
        }

        TarIndex index = TarIndex.Of(tar);
        return index.Find(member) is var (offset, length)
            ? new ImageFile(index.Path, offset, length)
            : throw new FileNotFoundException($"The tar file '{tar}' has no file '{member}'.", path);
    }

    /// <summary>Whether a block is the header of a file of this length.</summary>
    public static bool IsHeaderOf(ReadOnlySpan<byte> header, int length)
    {
        // A header is its own checksum, in which the bytes of the sum count as spaces.
        int sum = 8 * ' ';
        for (int i = 0; i < HeaderLength; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : header[i];
        }

        return ParseOctal(header[148..156]) == sum && ParseOctal(header[124..136]) == length;
    }

    /// <summary>The name in a header; of a long one, the part that is in it.</summary>
    public static string NameIn(ReadOnlySpan<byte> header)
    {
        string name = Text(header[..100]);
        string prefix = header[257..262].SequenceEqual("ustar"u8) && header[262] == 0 ? Text(header[345..500]) : "";
        return TarMember.Normalize(prefix.Length > 0 ? $"{prefix}/{name}" : name);
    }

    /// <summary>The path as it was given, as far as the tar file tells.</summary>
    public override string ToString()
    {
        if (!IsMember)
        {
            return Path ?? "";
        }

        try
        {
            using EncodedFile file = EncodedFile.Read(this);
            return file.Path;
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            return $"{Path} at byte {Offset}";
        }
    }

    /// <summary>Parts a path behind <c>.tar</c>, where that is a file and no folder.</summary>
    private static bool TrySplit(string path, out string tar, out string member)
    {
        for (int start = 0, found; (found = path.IndexOf(TarExtension, start, StringComparison.OrdinalIgnoreCase)) >= 0; start = found + 1)
        {
            int end = found + TarExtension.Length;
            if (end + 1 < path.Length && (path[end] == '/' || path[end] == System.IO.Path.DirectorySeparatorChar) && File.Exists(path[..end]))
            {
                tar = path[..end];
                member = OperatingSystem.IsWindows() ? path[(end + 1)..].Replace('\\', '/') : path[(end + 1)..];
                return true;
            }
        }

        tar = member = "";
        return false;
    }

    private static long ParseOctal(ReadOnlySpan<byte> field)
    {
        long value = 0;
        foreach (byte digit in field)
        {
            if (digit is >= (byte)'0' and <= (byte)'7')
            {
                value = (value * 8) + digit - '0';
            }
        }

        return value;
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field);
}
