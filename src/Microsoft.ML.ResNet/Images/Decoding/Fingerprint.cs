using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Hashes by which a resumed training tells the images that it was begun with from others.</summary>
internal static class Fingerprint
{
    /// <summary>Files up to this size are read whole, larger ones at three places of a third of it.</summary>
    private const int WholeFile = 48 << 10;

    public static ulong OfBytes(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return MemoryMarshal.Read<ulong>(hash);
    }

    /// <summary>
    /// Of the file's name, its length and its content, that of a large file at its beginning, middle and end. The folder doesn't count, nor
    /// does the time of writing: a data set may be moved or copied. Of a file in a tar file it is its header, which has name, length and time, so that the
    /// images of large sets need not be read.
    /// </summary>
    /// <returns>0 where the file can't be read, which is reported when it is decoded.</returns>
    public static ulong OfFile(ImageFile image)
    {
        if (image.Path is not { Length: > 0 } path)
        {
            return 0;
        }

        try
        {
            if (image.IsMember)
            {
                return OfHeader(image);
            }

            using SafeFileHandle file = File.OpenHandle(path);
            long length = RandomAccess.GetLength(file);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(path)));
            hash.AppendData(BitConverter.GetBytes(length));
            byte[] part = new byte[(int)Math.Min(length, WholeFile)];
            int size = length <= WholeFile ? part.Length : part.Length / 3;
            foreach (long offset in length <= WholeFile ? [0L] : new[] { 0, (length - size) / 2, length - size })
            {
                hash.AppendData(part, 0, RandomAccess.Read(file, part.AsSpan(0, size), offset));
            }

            return MemoryMarshal.Read<ulong>(hash.GetHashAndReset());
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception) || exception is ArgumentException)
        {
            return 0;
        }
    }

    private static ulong OfHeader(ImageFile image)
    {
        using SafeFileHandle file = File.OpenHandle(image.Path!);
        Span<byte> header = stackalloc byte[ImageFile.HeaderLength];
        return RandomAccess.Read(file, header, image.Offset - header.Length) == header.Length ? OfBytes(header) : 0;
    }
}
