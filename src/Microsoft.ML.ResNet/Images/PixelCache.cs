using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Images that are decoded once and kept, each with a size of its own, as interleaved values ([height, width, channels], uint8 or
/// float32). They lie in slabs, so that a million of them are a few thousand objects to the garbage collector, and no array grows past
/// its limit. Slabs beyond a limit of memory lie in a temporary file. Several threads
/// may read at once while none adds.
/// </summary>
/// <param name="memoryLimit">The bytes that may be held in memory, beside the slab that is being filled.</param>
/// <param name="temporaryFolder">Where the file is made; no file is made as long as the limit is kept.</param>
internal sealed class PixelCache(int channels, int elementSize, long memoryLimit, string temporaryFolder) : IDisposable
{
    private readonly int _slabSize = (int)Math.Clamp(memoryLimit / 8, 1 << 20, 16 << 20);
    private readonly List<Slab> _slabs = [];
    private readonly List<Entry> _entries = [];
    private SafeFileHandle? _file;
    private long _fileLength;
    private int _used;

    public int Count => _entries.Count;

    public int Channels => channels;

    /// <summary>The bytes of one value: 1 for uint8, 4 for float32.</summary>
    public int ElementSize => elementSize;

    /// <summary>The bytes of one pixel.</summary>
    public int PixelSize => channels * elementSize;

    /// <summary>The bytes that are held in memory.</summary>
    public long MemoryByteCount { get; private set; }

    /// <summary>The bytes that lie in the temporary file.</summary>
    public long FileByteCount => _fileLength;

    /// <summary>Makes room for an image and returns it, to be filled at once.</summary>
    /// <exception cref="IOException">The temporary file can't be written.</exception>
    public Span<byte> Add(int width, int height)
    {
        int size = checked(width * height * PixelSize);
        if (_slabs.Count == 0 || _slabs[^1].Bytes!.Length - _used < size)
        {
            if (_slabs.Count > 0 && MemoryByteCount > memoryLimit)
            {
                Spill(_slabs.Count - 1);
            }

            byte[] bytes = GC.AllocateUninitializedArray<byte>(Math.Max(size, _slabSize));
            MemoryByteCount += bytes.Length;
            _slabs.Add(new Slab(bytes, 0));
            _used = 0;
        }

        _entries.Add(new Entry(_slabs.Count - 1, _used, width, height));
        Span<byte> room = _slabs[^1].Bytes.AsSpan(_used, size);
        _used += size;
        return room;
    }

    /// <summary>An image, in the order in which they were added.</summary>
    /// <param name="buffer">Used, and made larger where it is too small, for an image that lies in the file.</param>
    /// <exception cref="IOException">The temporary file can't be read.</exception>
    public CachedImage Get(int index, ref byte[] buffer)
    {
        Entry entry = _entries[index];
        Slab slab = _slabs[entry.Slab];
        int size = entry.Width * entry.Height * PixelSize;
        if (slab.Bytes is { } bytes)
        {
            return new CachedImage(bytes.AsSpan(entry.Offset, size), entry.Width, entry.Height);
        }

        if (buffer.Length < size)
        {
            buffer = GC.AllocateUninitializedArray<byte>(size);
        }

        Span<byte> target = buffer.AsSpan(0, size);
        for (int read = 0; read < size;)
        {
            int count = RandomAccess.Read(_file!, target[read..], slab.FileOffset + entry.Offset + read);
            read += count > 0 ? count : throw new IOException($"The temporary file of the image cache in '{temporaryFolder}' is shorter than it was written.");
        }

        return new CachedImage(target, entry.Width, entry.Height);
    }

    /// <summary>Frees the memory and removes the file.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _slabs.Clear();
        _entries.Clear();
        MemoryByteCount = 0;
    }

    private void Spill(int index)
    {
        byte[] bytes = _slabs[index].Bytes!;
        try
        {
            _file ??= CreateFile();
            RandomAccess.Write(_file, bytes.AsSpan(0, _used), _fileLength);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The image cache can't be written to a temporary file in '{temporaryFolder}': {exception.Message.TrimEnd('.')}. Free space there, set MLContext.TempFilePath to another folder, or raise CacheMemoryLimit.", exception);
        }

        _slabs[index] = new Slab(null, _fileLength);
        _fileLength += _used;
        MemoryByteCount -= bytes.Length;
    }

    /// <summary>
    /// A file that goes when its handle does, however the process ends: Windows removes it on close, elsewhere its name is removed at
    /// once and its content lives as long as the handle.
    /// </summary>
    private SafeFileHandle CreateFile()
    {
        Directory.CreateDirectory(temporaryFolder);
        string path = Path.Combine(temporaryFolder, $"Microsoft.ML.ResNet-{Guid.NewGuid():N}.cache");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, FileOptions.DeleteOnClose | FileOptions.RandomAccess);
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(path);
        }

        return file;
    }

    /// <summary>A stretch of cached bytes, in memory or, where there is no array, in the file.</summary>
    private readonly record struct Slab(byte[]? Bytes, long FileOffset);

    private readonly record struct Entry(int Slab, int Offset, int Width, int Height);
}

/// <summary>One image of a <see cref="PixelCache"/>.</summary>
internal readonly ref struct CachedImage(ReadOnlySpan<byte> pixels, int width, int height)
{
    public ReadOnlySpan<byte> Pixels { get; } = pixels;

    public int Width { get; } = width;

    public int Height { get; } = height;
}
