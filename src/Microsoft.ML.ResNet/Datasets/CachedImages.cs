using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Images that are decoded once, when they are first needed, and then lie in a cache.</summary>
internal sealed class CachedImages : ImageStore
{
    private readonly PixelCache _cache;
    private readonly int[] _places;
    private readonly PendingImage?[] _pending;
    private readonly TrainingImageFitter? _fitter;

    /// <summary>Images that are all in the cache, in order.</summary>
    public CachedImages(PixelCache cache, int count)
    {
        _cache = cache;
        _places = [.. Enumerable.Range(0, count)];
        _pending = [];
    }

    /// <summary>Images that are still to be decoded.</summary>
    public CachedImages(PixelCache cache, PendingImage[] pending, TrainingImageFitter fitter)
    {
        _cache = cache;
        _places = [.. Enumerable.Repeat(-1, pending.Length)];
        _pending = pending;
        _fitter = fitter;
    }

    public override int PixelSize => _cache.PixelSize;

    public override void Prepare(IReadOnlyList<int> images, int threads)
    {
        if (_pending.Length == 0)
        {
            return;
        }

        int[] missing = [.. images.Where(image => _places[image] < 0)];
        if (missing.Length == 0)
        {
            return;
        }

        foreach (var (index, image, fault) in ParallelDecoder.Decode([.. missing.Select(image => _pending[image]!)], _fitter!, threads))
        {
            using (image)
            {
                if (fault is not null)
                {
                    ExceptionDispatchInfo.Throw(fault);
                }

                image!.Span.CopyTo(_cache.Add(image.Width, image.Height));
                _places[missing[index]] = _cache.Count - 1;
                _pending[missing[index]] = null;
            }
        }
    }

    public override CachedImage Get(int image, ref byte[] buffer) => _cache.Get(_places[image], ref buffer);

    public override void Dispose() => _cache.Dispose();
}
