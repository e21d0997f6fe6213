using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Reads the images of a data set, in whatever form they are, and brings them to the size that training keeps.</summary>
/// <param name="inform">Told how images are read, where that is not as always.</param>
internal sealed class ImageLoader(ImageColumn column, ReadingSettings settings, Action checkCancelled, Action<string> inform)
{
    /// <summary>Images decoded between cancellation checks.</summary>
    private const int ChunkSize = 64;

    /// <summary>
    /// The size of the network's input that suits the images: the median short side of the first that can be read, at most 224, so
    /// that pictures are never enlarged without need.
    /// </summary>
    public int ChooseSize(IDataView data, LabeledRows rows)
    {
        const int sampled = 64, largest = 224, smallest = 8;
        List<int> sides = [];
        foreach (var (image, _) in Read(data, rows, []))
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
    /// <exception cref="InvalidOperationException">No image can be read, or the data gave other rows before.</exception>
    public (ImageDataset Images, BadImageLog Bad) Load(IDataView data, LabeledRows rows, ImagePreprocessing preprocessing)
    {
        var fitter = new TrainingImageFitter(preprocessing);
        InputFormat format = InputFormat.Of(preprocessing.Width, preprocessing.Height, PixelRange.ZeroTo255, preprocessing.Mean, preprocessing.StandardDeviation);
        if (Streams(rows, preprocessing))
        {
            var (entries, log) = settings.BadImages == BadImageHandling.Throw ? (WithFingerprints(rows.Entries!), new BadImageLog(settings.BadImages)) : ReadAll(data, rows, fitter, _ => { });
            return (new ImageDataset(new StreamedImages(entries, fitter, preprocessing.Channels), entries, format), log);
        }

        var cache = new PixelCache(preprocessing.Channels, elementSize: 1, settings.Cache.MemoryLimit, settings.Cache.TemporaryFolder);
        try
        {
            if (rows.Entries is { } files && settings.BadImages == BadImageHandling.Throw)
            {
                return (new ImageDataset(new CachedImages(cache, [.. files.Select(Pending)], fitter), WithFingerprints(files), format), new BadImageLog(settings.BadImages));
            }

            var (entries, log) = ReadAll(data, rows, fitter, image => image.Span.CopyTo(cache.Add(image.Width, image.Height)));
            return (new ImageDataset(new CachedImages(cache, entries.Length), entries, format), log);
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    /// <summary>Whether images are decoded anew in each epoch: as the user says, or where those of tar files would not fit into memory.</summary>
    private bool Streams(LabeledRows rows, ImagePreprocessing preprocessing)
    {
        if (rows.Entries is not { } files)
        {
            return false;
        }

        // Of a picture of 4:3.
        double size = files.Count * (double)preprocessing.Channels * preprocessing.ShortSide * preprocessing.ShortSide * 4 / 3;
        bool streams = settings.StreamImages ?? (files.Any(file => file.File.IsMember) && size > settings.Cache.MemoryLimit);
        if (streams)
        {
            inform(string.Create(
                CultureInfo.InvariantCulture,
                $"The {files.Count} images are decoded anew in each epoch. To keep them would take about {size / (1 << 20):N0} MiB; CacheMemoryLimit is {settings.Cache.MemoryLimit >> 20:N0} MiB."));
        }

        return streams;
    }

    /// <summary>Decodes all images.</summary>
    /// <param name="keep">Takes each that can be read.</param>
    private (ImageEntry[] Entries, BadImageLog Bad) ReadAll(IDataView data, LabeledRows rows, TrainingImageFitter fitter, Action<PixelImage> keep)
    {
        var log = new BadImageLog(settings.BadImages);
        List<ImageEntry> kept = [];
        List<int> classes = [];
        int total = 0;
        foreach ((PendingImage Image, ImageEntry Entry)[] chunk in Read(data, rows, classes).Chunk(ChunkSize))
        {
            checkCancelled();
            total += chunk.Length;
            PendingImage[] pending = [.. chunk.Select(item => item.Image)];
            ImageEntry[] entries = WithFingerprints([.. chunk.Select(item => item.Entry)], pending);
            var decoded = ParallelDecoder.Decode(pending, fitter, Environment.ProcessorCount);
            try
            {
                foreach (var (index, image, fault) in decoded)
                {
                    if (fault is not null)
                    {
                        log.Add(fault);
                        continue;
                    }

                    keep(image!);
                    kept.Add(entries[index]);
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

        if (rows.Entries is null)
        {
            rows.CheckSame(classes);
        }

        return kept.Count > 0
            ? ([.. kept], log)
            : throw new InvalidOperationException($"No image of column '{column.Name}' can be read. {log.Summary(total)}");
    }

    private ImageEntry[] WithFingerprints(IReadOnlyList<ImageEntry> files)
        => settings.HasFingerprints ? [.. files.Chunk(1024).SelectMany(chunk => WithFingerprints(chunk, [.. chunk.Select(Pending)]))] : [.. files];

    /// <summary>Tells images apart where a training may be resumed; elsewhere nothing is read for it.</summary>
    private ImageEntry[] WithFingerprints(ImageEntry[] entries, PendingImage[] images)
    {
        if (settings.HasFingerprints)
        {
            checkCancelled();
            Parallel.For(0, entries.Length, i => entries[i] = entries[i] with { Fingerprint = images[i].Fingerprint() });
        }

        return entries;
    }

    /// <summary>The images of the rows that have a label, one after the other, each with what was read in the same step.</summary>
    /// <param name="classes">Gets the class of every row, where the data is read for it.</param>
    private IEnumerable<(PendingImage Image, ImageEntry Entry)> Read(IDataView data, LabeledRows rows, List<int> classes)
    {
        if (rows.Entries is { } files)
        {
            foreach (ImageEntry file in files)
            {
                yield return (Pending(file), file);
            }

            yield break;
        }

        DataViewSchema.Column source = column.Bind(data.Schema);
        using var cursor = new LabeledRowCursor(data, rows.Columns, source, checkCancelled, isSequential: settings.BadImages == BadImageHandling.Skip);
        Func<PendingImage> take = Taker(cursor, source);
        while (cursor.MoveNext())
        {
            classes.Add(cursor.Label);
            rows.CheckCount(classes.Count);
            if (cursor.Label != LabelColumn.Missing)
            {
                yield return (Take(take), new ImageEntry(cursor.Row, cursor.Label, cursor.Weight));
            }
        }
    }

    private static PendingImage Pending(ImageEntry file) => new PendingImage.OfFile(file.File, file.Row);

    private static PendingImage Take(Func<PendingImage> take)
    {
        try
        {
            return take();
        }
        catch (Exception exception) when (BadImageLog.IsBadImage(exception))
        {
            return new PendingImage.Bad(exception);
        }
    }

    private Func<PendingImage> Taker(LabeledRowCursor cursor, DataViewSchema.Column source)
    {
        switch (column.Kind)
        {
            case FeatureKind.EncodedBytes:
                ValueGetter<VBuffer<byte>> getBytes = FeatureGetter.Of<VBuffer<byte>>(cursor.Values, source, () => cursor.Row);
                VBuffer<byte> bytes = default;
                return () =>
                {
                    getBytes(ref bytes);
                    return new PendingImage.OfBytes(EncodedBytes.Copy(in bytes), cursor.Row);
                };
            case FeatureKind.Image:
                ValueGetter<MLImage> getImage = FeatureGetter.Of<MLImage>(cursor.Values, source, () => cursor.Row);
                MLImage? image = null;
                return () =>
                {
                    getImage(ref image!);
                    return new PendingImage.OfPixels(FeatureGetter.Pixels(image, column.Name, cursor.Row));
                };
            default:
                throw new InvalidOperationException($"A column of {column.Kind} has no images to decode.");
        }
    }
}
