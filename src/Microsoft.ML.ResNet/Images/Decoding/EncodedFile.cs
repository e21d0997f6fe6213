using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The bytes of an image file, or of one in a tar file, in a pooled buffer, until it is disposed.</summary>
internal sealed class EncodedFile : IDisposable
{
    private byte[]? _buffer;
    private readonly int _start;
    private readonly int _length;

    private EncodedFile(string path, byte[] buffer, int start, int length)
    {
        Path = path;
        _buffer = buffer;
        _start = start;
        _length = length;
    }

    /// <summary>The path of the file; in a tar file that of the tar file and the name in it.</summary>
    public string Path { get; }

    /// <summary>How errors name the file.</summary>
    public string Source => Name(Path);

    public ReadOnlyMemory<byte> Content => (_buffer ?? throw new ObjectDisposedException(nameof(EncodedFile))).AsMemory(_start, _length);

    /// <inheritdoc cref="ImageDecoder.DecodeFile"/>
    public static EncodedFile Read(string path)
        => string.IsNullOrEmpty(path) ? throw new FileNotFoundException("An image path is empty. Expected the path of an image file.", path) : Read(ImageFile.Find(path));

    /// <inheritdoc cref="ImageDecoder.DecodeFile"/>
    public static EncodedFile Read(ImageFile file)
    {
        string path = file.Path!;
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            return file.IsMember ? ReadMember(handle, file) : ReadAll(handle, path);
        }
        catch (FileNotFoundException exception)
        {
            throw new FileNotFoundException($"{Name(path)} does not exist. Check the path and the folder that relative paths start from.", path, exception);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new DirectoryNotFoundException($"{Name(path)} does not exist: a folder of its path is missing or is a file. Check the path and the folder that relative paths start from.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new UnauthorizedAccessException(
                Directory.Exists(path) ? $"{Name(path)} is a folder. Expected an image file." : $"{Name(path)} may not be read. Check the permissions of the file.",
                exception);
        }
        catch (ArgumentException exception)
        {
            throw new FileNotFoundException($"{Name(path)} does not exist: this is not a valid path.", path, exception);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static EncodedFile ReadAll(SafeFileHandle handle, string path)
    {
        long length = RandomAccess.GetLength(handle);
        if (length > Array.MaxLength)
        {
            throw new InvalidDataException($"{Name(path)} is too large to be an image: {length} bytes.");
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)length);
        return new EncodedFile(path, buffer, 0, Fill(handle, buffer, (int)length, 0));
    }

    /// <summary>Reads the header together with the content: it tells the name, and whether the tar file is the one that was listed.</summary>
    private static EncodedFile ReadMember(SafeFileHandle handle, ImageFile file)
    {
        const int start = ImageFile.HeaderLength;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(checked(start + file.Length));
        int count = Fill(handle, buffer, start + file.Length, file.Offset - start);
        if (count < start + file.Length || !ImageFile.IsHeaderOf(buffer, file.Length))
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw new InvalidDataException($"The tar file '{file.Path}' has changed since its files were listed: the {file.Length} bytes at {file.Offset} are no longer one of them. Leave it as it is while it is read, and start again.");
        }

        return new EncodedFile($"{file.Path}/{ImageFile.NameIn(buffer)}", buffer, start, file.Length);
    }

    /// <summary>Reads as many bytes as there are, and gives the buffer back where that fails.</summary>
    private static int Fill(SafeFileHandle handle, byte[] buffer, int length, long offset)
    {
        int filled = 0;
        try
        {
            int count;
            while (filled < length && (count = RandomAccess.Read(handle, buffer.AsSpan(filled, length - filled), offset + filled)) > 0)
            {
                filled += count;
            }

            return filled;
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private static string Name(string path) => $"Image file '{path}'";
}
