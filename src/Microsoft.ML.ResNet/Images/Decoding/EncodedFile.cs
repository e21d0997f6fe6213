using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The bytes of an image file in a pooled buffer, until it is disposed.</summary>
internal sealed class EncodedFile : IDisposable
{
    private byte[]? _buffer;
    private readonly int _length;

    private EncodedFile(string path, byte[] buffer, int length)
    {
        Source = Name(path);
        _buffer = buffer;
        _length = length;
    }

    /// <summary>How errors name the file.</summary>
    public string Source { get; }

    public ReadOnlyMemory<byte> Content => (_buffer ?? throw new ObjectDisposedException(nameof(EncodedFile))).AsMemory(0, _length);

    /// <inheritdoc cref="ImageDecoder.DecodeFile"/>
    public static EncodedFile Read(string path)
    {
        if (string.IsNullOrEmpty(path))
        {
            throw new FileNotFoundException("An image path is empty. Expected the path of an image file.", path);
        }

        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            return ReadAll(handle, path);
        }
        catch (FileNotFoundException exception)
        {
            throw new FileNotFoundException($"{Name(path)} does not exist. Check the path and the folder that relative paths start from.", path, exception);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new DirectoryNotFoundException($"{Name(path)} does not exist: a folder of its path is missing. Check the path and the folder that relative paths start from.", exception);
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
        int filled = 0;
        try
        {
            int count;
            while (filled < length && (count = RandomAccess.Read(handle, buffer.AsSpan(filled, (int)length - filled), filled)) > 0)
            {
                filled += count;
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }

        return new EncodedFile(path, buffer, filled);
    }

    private static string Name(string path) => $"Image file '{path}'";
}
