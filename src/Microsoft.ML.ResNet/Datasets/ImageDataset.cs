using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// A labelled set of images. Image files may be left to be decoded when they are first asked for, several at once, so that training begins with
/// the first batch; or be decoded each time. Not thread-safe, nor are two subsets of one set.
/// </summary>
internal sealed class ImageDataset : IDisposable
{
    private readonly ImageStore _store;
    private readonly int[] _indices;
    private byte[] _buffer = [];

    /// <summary>A set of all images of a store, in order.</summary>
    public ImageDataset(ImageStore store, ImageEntry[] entries, InputFormat format)
        : this(store, [.. Enumerable.Range(0, entries.Length)], entries, format)
    {
    }

    private ImageDataset(ImageStore store, int[] indices, ImageEntry[] entries, InputFormat format)
    {
        _store = store;
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

    /// <summary>The network's input that is cut from the images: interleaved, of the store's element type.</summary>
    public InputFormat Format { get; }

    public int PixelSize => _store.PixelSize;

    /// <summary>Whether images are read anew each time, and may be read ahead.</summary>
    public bool IsStreamed => _store.IsStreamed;

    /// <inheritdoc cref="ImageStore.Prepare"/>
    public void Prepare(ReadOnlySpan<int> rows, int threads) => _store.Prepare(IndicesOf(rows), threads);

    /// <inheritdoc cref="ImageStore.ReadAhead"/>
    public void ReadAhead(ReadOnlySpan<int> rows) => _store.ReadAhead(IndicesOf(rows));

    /// <inheritdoc cref="ImageStore.Forget"/>
    public void Forget() => _store.Forget();

    /// <summary>An image that has been prepared; valid until the next call.</summary>
    public CachedImage this[int row] => Get(row, ref _buffer);

    /// <inheritdoc cref="ImageStore.Get"/>
    public CachedImage Get(int row, ref byte[] buffer) => _store.Get(_indices[row], ref buffer);

    /// <summary>Some of the images as a set of their own, which shares the pixels: disposing of one disposes of both.</summary>
    /// <param name="indices">Positions in this set.</param>
    public ImageDataset Subset(IEnumerable<int> indices)
    {
        int[] chosen = [.. indices];
        return new ImageDataset(_store, [.. chosen.Select(index => _indices[index])], [.. chosen.Select(index => Entries[index])], Format);
    }

    public void Dispose() => _store.Dispose();

    private int[] IndicesOf(ReadOnlySpan<int> rows)
    {
        int[] indices = new int[rows.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            indices[i] = _indices[rows[i]];
        }

        return indices;
    }
}
