using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Where the pixels of a set of images come from. Images are numbered from 0. Not thread-safe, but for <see cref="Get"/>.</summary>
internal abstract class ImageStore : IDisposable
{
    /// <summary>The bytes of one pixel.</summary>
    public abstract int PixelSize { get; }

    /// <summary>Whether images are read anew each time.</summary>
    public virtual bool IsStreamed => false;

    /// <summary>Sees to it that these images can be had, until others are prepared.</summary>
    /// <param name="threads">The most that are decoded at once.</param>
    /// <exception cref="IOException">An image can't be read or decoded: the first of them.</exception>
    public abstract void Prepare(IReadOnlyList<int> images, int threads);

    /// <summary>An image that has been prepared. Several threads may read at once, each with a buffer of its own, while none prepares.</summary>
    /// <param name="buffer">Used, and made larger where it is too small, for an image that lies in a temporary file.</param>
    public abstract CachedImage Get(int image, ref byte[] buffer);

    /// <summary>Reads the files of images that will be prepared later, in the given order. What can't be read is left to <see cref="Prepare"/>.</summary>
    public virtual void ReadAhead(IEnumerable<int> images)
    {
    }

    /// <summary>Drops what has been read ahead.</summary>
    public virtual void Forget()
    {
    }

    public abstract void Dispose();
}
