using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// A labelled set of images. What has been decoded lies in a cache; image files may be left to be decoded when they are first
/// asked for, several at once, so that training begins with the first batch. Not thread-safe, nor are two subsets of one set.
/// </summary>
internal sealed class ImageDataset : IDisposable
{
    private readonly PixelCache _cache;
    private readonly Storage _storage;
    private readonly int[] _indices;
    private byte[] _buffer = [];

    /// <summary>A set whose images are all in the cache, in order.</summary>
    public ImageDataset(PixelCache cache, ImageEntry[] entries, InputFormat format)
        : this(cache, new Storage([.. Enumerable.Range(0, entries.Length)], [], null), [.. Enumerable.Range(0, entries.Length)], entries, format)
    {
    }

    /// <summary>A set whose images are still to be decoded.</summary>
    public ImageDataset(PixelCache cache, ImageEntry[] entries, InputFormat format, PendingImage[] pending, TrainingImageFitter fitter)
        : this(cache, new Storage([.. Enumerable.Repeat(-1, entries.Length)], pending, fitter), [.. Enumerable.Range(0, entries.Length)], entries, format)
    {
    }

    private ImageDataset(PixelCache cache, Storage storage, int[] indices, ImageEntry[] entries, InputFormat format)
    {
        _cache = cache;
        _storage = storage;
        _indices = indices;
        Entries = entries;
        Labels = [.. entries.Select(entry => entry.Label)];
        Format = format;
    }

    public int Count => Labels.Length;

    /// <summary>The class of each image, counted from 0.</summary>
    public int[] Labels { get; }

    /// <summary>Row, class and weight of each image.</summary>
    public ImageEntry[] Entries { get; }

    /// <summary>The network's input that is cut from the images: interleaved, of the cache's element type.</summary>
    public InputFormat Format { get; }

    public int PixelSize => _cache.PixelSize;

    public PixelCache Cache => _cache;

    /// <summary>Decodes those of the images that are not in the cache yet, several at once.</summary>
    /// <param name="threads">The most that are decoded at once.</param>
    /// <exception cref="IOException">An image can't be read or decoded: the first in the order of <paramref name="rows"/>.</exception>
    public void Prepare(ReadOnlySpan<int> rows, int threads)
    {
        if (_storage.Pending.Length == 0)
        {
            return;
        }

        List<int> missing = [];
        foreach (int row in rows)
        {
            if (_storage.Places[_indices[row]] < 0)
            {
                missing.Add(_indices[row]);
            }
        }

        if (missing.Count == 0)
        {
            return;
        }

        foreach (var (index, image, fault) in ParallelDecoder.Decode([.. missing.Select(index => _storage.Pending[index]!)], _storage.Fitter!, threads))
        {
            using (image)
            {
                if (fault is not null)
                {
                    ExceptionDispatchInfo.Throw(fault);
                }

                image!.Span.CopyTo(_cache.Add(image.Width, image.Height));
                _storage.Places[missing[index]] = _cache.Count - 1;
                _storage.Pending[missing[index]] = null;
            }
        }
    }

    /// <summary>An image that has been prepared; valid until the next call.</summary>
    public CachedImage this[int row] => Get(row, ref _buffer);

    /// <summary>An image that has been prepared. Several threads may read at once, each with a buffer of its own, while none prepares.</summary>
    /// <param name="buffer">Used, and made larger where it is too small, for an image that lies in the temporary file.</param>
    public CachedImage Get(int row, ref byte[] buffer) => _cache.Get(_storage.Places[_indices[row]], ref buffer);

    /// <summary>Some of the images as a set of their own, which shares the cache: disposing of one disposes of both.</summary>
    /// <param name="indices">Positions in this set.</param>
    public ImageDataset Subset(IEnumerable<int> indices)
    {
        int[] chosen = [.. indices];
        return new ImageDataset(_cache, _storage, [.. chosen.Select(index => _indices[index])], [.. chosen.Select(index => Entries[index])], Format);
    }

    public void Dispose() => _cache.Dispose();

    /// <summary>Where each image lies in the cache, or how to get it.</summary>
    private sealed record Storage(int[] Places, PendingImage?[] Pending, TrainingImageFitter? Fitter);
}
