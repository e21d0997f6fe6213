using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Image files that are read and decoded anew each time; only those that were prepared last are in memory, and files that were read ahead.</summary>
/// <param name="entries">The images.</param>
internal sealed class StreamedImages(ImageEntry[] entries, TrainingImageFitter fitter, int channels) : ImageStore
{
    private readonly Dictionary<int, PixelImage> _decoded = [];
    private readonly Dictionary<int, EncodedFile> _ahead = [];

    public override int PixelSize => channels;

    public override bool IsStreamed => true;

    public override void Prepare(IReadOnlyList<int> images, int threads)
    {
        Clear();
        Exception? first = null;
        foreach (var (index, image, fault) in ParallelDecoder.Decode([.. images.Select(Take)], fitter, threads))
        {
            if (image is not null && !_decoded.TryAdd(images[index], image))
            {
                image.Dispose();
            }

            first ??= fault;
        }

        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }
    }

    public override CachedImage Get(int image, ref byte[] buffer)
    {
        PixelImage pixels = _decoded[image];
        return new CachedImage(pixels.Span, pixels.Width, pixels.Height);
    }

    public override void ReadAhead(IEnumerable<int> images)
    {
        foreach (int image in images)
        {
            if (_ahead.ContainsKey(image) || !entries[image].File.IsMember)
            {
                continue;
            }

            try
            {
                _ahead[image] = EncodedFile.Read(entries[image].File);
            }
            catch (Exception exception) when (BadImageLog.IsBadImage(exception))
            {
                continue; // It is read again, and reported, when it is needed.
            }
        }
    }

    public override void Forget()
    {
        foreach (EncodedFile file in _ahead.Values)
        {
            file.Dispose();
        }

        _ahead.Clear();
    }

    public override void Dispose()
    {
        Clear();
        Forget();
    }

    private PendingImage Take(int image)
        => _ahead.Remove(image, out EncodedFile? file) ? new PendingImage.OfContent(file) : new PendingImage.OfFile(entries[image].File, entries[image].Row);

    private void Clear()
    {
        foreach (PixelImage image in _decoded.Values)
        {
            image.Dispose();
        }

        _decoded.Clear();
    }
}
