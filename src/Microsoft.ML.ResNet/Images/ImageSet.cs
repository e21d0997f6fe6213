using System.Runtime.ExceptionServices;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// A labelled set of images. What has been decoded lies in a cache; image files may be left to be decoded when they are first
/// asked for, several at once, so that training begins with the first batch. Not thread-safe.
/// </summary>
internal sealed class ImageSet : IDisposable
{
    private readonly PixelCache _cache;
    private readonly int[] _places;
    private readonly PendingImage?[] _pending;
    private readonly TrainingImageFitter? _fitter;
    private byte[] _buffer = [];

    /// <summary>A set whose images are all in the cache, in order.</summary>
    public ImageSet(PixelCache cache, int[] labels, InputFormat format)
        : this(cache, labels, format, [.. Enumerable.Range(0, labels.Length)], [], null)
    {
    }

    /// <summary>A set whose images are still to be decoded.</summary>
    public ImageSet(PixelCache cache, int[] labels, InputFormat format, PendingImage[] pending, TrainingImageFitter fitter)
        : this(cache, labels, format, [.. Enumerable.Repeat(-1, labels.Length)], pending, fitter)
    {
    }

    private ImageSet(PixelCache cache, int[] labels, InputFormat format, int[] places, PendingImage?[] pending, TrainingImageFitter? fitter)
    {
        _cache = cache;
        Labels = labels;
        Format = format;
        _places = places;
        _pending = pending;
        _fitter = fitter;
    }

    public int Count => Labels.Length;

    /// <summary>The class of each image, counted from 0.</summary>
    public int[] Labels { get; }

    /// <summary>The network's input that is cut from the images: interleaved, of the cache's element type.</summary>
    public InputFormat Format { get; }

    public int PixelSize => _cache.PixelSize;

    public PixelCache Cache => _cache;

    /// <summary>Decodes those of the images that are not in the cache yet, several at once.</summary>
    /// <param name="threads">The most that are decoded at once.</param>
    /// <exception cref="IOException">An image can't be read or decoded: the first in the order of <paramref name="rows"/>.</exception>
    public void Prepare(ReadOnlySpan<int> rows, int threads)
    {
        if (_pending.Length == 0)
        {
            return;
        }

        List<int> missing = [];
        foreach (int row in rows)
        {
            if (_places[row] < 0)
            {
                missing.Add(row);
            }
        }

        if (missing.Count == 0)
        {
            return;
        }

        foreach (var (index, image, fault) in ParallelDecoder.Decode([.. missing.Select(row => _pending[row]!)], _fitter!, threads))
        {
            using (image)
            {
                if (fault is not null)
                {
                    ExceptionDispatchInfo.Throw(fault);
                }

                int row = missing[index];
                image!.Span.CopyTo(_cache.Add(image.Width, image.Height));
                _places[row] = _cache.Count - 1;
                _pending[row] = null;
            }
        }
    }

    /// <summary>An image that has been prepared; valid until the next call.</summary>
    public CachedImage this[int row] => _cache.Get(_places[row], ref _buffer);

    public void Dispose() => _cache.Dispose();
}
