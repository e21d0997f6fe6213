using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Reads the images of a data set, in whatever form they are, and brings them to the size that training keeps.</summary>
internal sealed class ImageLoader(ImageColumn column, ResNetTrainer.Options options, ImageCacheSettings cacheSettings, Action checkCancelled)
{
    /// <summary>Images that are decoded between two looks at the cancellation.</summary>
    private const int ChunkSize = 64;

    /// <summary>
    /// The size of the network's input that suits the images: the median short side of the first that can be read, at most 224, so
    /// that pictures are never enlarged without need.
    /// </summary>
    public int ChooseSize(IDataView data, LabelColumn labels)
    {
        const int sampled = 64, largest = 224, smallest = 8;
        List<int> sides = [];
        foreach (var (image, _) in Read(data, labels))
        {
            try
            {
                var (width, height) = image.ReadSize();
                sides.Add(Math.Min(width, height));
            }
            catch (Exception exception) when (BadImageLog.IsBadImage(exception))
            {
                continue; // It is reported when the images are loaded.
            }

            if (sides.Count == sampled)
            {
                break;
            }
        }

        sides.Sort();
        return sides.Count == 0 ? largest : Math.Clamp(sides[sides.Count / 2], smallest, largest);
    }

    /// <summary>
    /// Reads the images of the rows that have a label. Files are left to be decoded when training first needs them, unless bad ones are to
    /// be skipped: then they have to be known before training, so that every epoch has the same rows.
    /// </summary>
    /// <exception cref="InvalidOperationException">No image can be read.</exception>
    public (ImageSet Images, BadImageLog Bad) Load(IDataView data, LabelColumn labels, ImagePreprocessing preprocessing)
    {
        var fitter = new TrainingImageFitter(preprocessing);
        var cache = new PixelCache(preprocessing.Channels, elementSize: 1, cacheSettings.MemoryLimit, cacheSettings.TemporaryFolder);
        InputFormat format = InputFormat.Of(preprocessing.Width, preprocessing.Height, PixelRange.ZeroTo255, preprocessing.Mean, preprocessing.StandardDeviation);
        try
        {
            if (column.Kind == FeatureKind.Path && options.BadImages == BadImageHandling.Throw)
            {
                List<PendingImage> files = [];
                List<int> rows = [];
                foreach (var (image, row) in Read(data, labels))
                {
                    files.Add(image);
                    rows.Add(row);
                }

                return (new ImageSet(cache, labels.Of(rows), [.. rows], format, [.. files], fitter), new BadImageLog(options.BadImages));
            }

            return LoadAll(data, labels, fitter, cache, format);
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    private (ImageSet Images, BadImageLog Bad) LoadAll(IDataView data, LabelColumn labels, TrainingImageFitter fitter, PixelCache cache, InputFormat format)
    {
        var log = new BadImageLog(options.BadImages);
        List<int> kept = [];
        int total = 0;
        foreach ((PendingImage Image, int Row)[] chunk in Read(data, labels).Chunk(ChunkSize))
        {
            checkCancelled();
            total += chunk.Length;
            var decoded = ParallelDecoder.Decode([.. chunk.Select(item => item.Image)], fitter, Environment.ProcessorCount);
            try
            {
                foreach (var (index, image, fault) in decoded)
                {
                    if (fault is not null)
                    {
                        log.Add(fault);
                        continue;
                    }

                    image!.Span.CopyTo(cache.Add(image.Width, image.Height));
                    kept.Add(chunk[index].Row);
                }
            }
            finally
            {
                foreach (var (_, image, _) in decoded)
                {
                    image?.Dispose();
                }
            }
        }

        return kept.Count > 0
            ? (new ImageSet(cache, labels.Of(kept), [.. kept], format), log)
            : throw new InvalidOperationException($"No image of column '{column.Name}' can be read. {log.Summary(total)}");
    }

    /// <summary>The images of the rows that have a label, one after the other, and the numbers of these rows.</summary>
    private IEnumerable<(PendingImage Image, int Row)> Read(IDataView data, LabelColumn labels)
    {
        DataViewSchema.Column source = column.Bind(data.Schema);
        using DataViewRowCursor cursor = data.GetRowCursor([source]);
        Func<int, PendingImage> take = Taker(cursor, source);
        for (int row = 0; cursor.MoveNext(); row++)
        {
            if (row >= labels.Classes.Length)
            {
                throw new InvalidOperationException(
                    $"The data gave {labels.Classes.Length} rows when its labels were read and more when its images were read, expected the same rows each time.");
            }

            if (row % 1024 == 0)
            {
                checkCancelled();
            }

            if (labels.Classes[row] != LabelColumn.Missing)
            {
                yield return (take(row), row);
            }
        }
    }

    private Func<int, PendingImage> Taker(DataViewRow row, DataViewSchema.Column source)
    {
        switch (column.Kind)
        {
            case FeatureKind.Path:
                ValueGetter<ReadOnlyMemory<char>> getPath = row.GetGetter<ReadOnlyMemory<char>>(source);
                ReadOnlyMemory<char> path = default;
                return number =>
                {
                    getPath(ref path);
                    return new PendingImage.OfPath(ImagePath.Combine(path, options.ImageFolder), number);
                };
            case FeatureKind.EncodedBytes:
                ValueGetter<VBuffer<byte>> getBytes = row.GetGetter<VBuffer<byte>>(source);
                VBuffer<byte> bytes = default;
                return number =>
                {
                    getBytes(ref bytes);
                    return new PendingImage.OfBytes(EncodedBytes.Copy(in bytes), number);
                };
            case FeatureKind.Image:
                ValueGetter<MLImage> getImage = row.GetGetter<MLImage>(source);
                MLImage? image = null;
                return number =>
                {
                    getImage(ref image!);
                    return new PendingImage.OfPixels(image is null ? null : PixelImage.FromMLImage(image), number);
                };
            default:
                throw new InvalidOperationException($"A column of {column.Kind} has no images to decode.");
        }
    }
}
