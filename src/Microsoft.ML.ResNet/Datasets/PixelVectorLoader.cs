using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// Reads the pixel vectors of a data set into a <see cref="PixelCache"/>: as uint8 as long as every value is one of the 256 that a
/// pixel can have, else as float32, so that nothing is lost.
/// </summary>
internal sealed class PixelVectorLoader
{
    /// <summary>Rows from which the range of the values is determined.</summary>
    private const int SampledRows = 64;

    private readonly ImageColumn _column;
    private readonly BadImageHandling _handling;
    private readonly ImageCacheSettings _cacheSettings;
    private readonly Action _checkCancelled;
    private readonly bool _hasFingerprints;
    private float[]? _planar;

    /// <param name="hasFingerprints">Whether images are to be told from others when a training is resumed.</param>
    public PixelVectorLoader(ImageColumn column, BadImageHandling handling, ImageCacheSettings cacheSettings, Action checkCancelled, bool hasFingerprints = false)
    {
        _column = column;
        _handling = handling;
        _cacheSettings = cacheSettings;
        _checkCancelled = checkCancelled;
        _hasFingerprints = hasFingerprints;
    }

    /// <summary>Finds out what the values mean.</summary>
    /// <exception cref="ArgumentException">The setting contradicts NormalizePixels's annotation.</exception>
    /// <exception cref="InvalidDataException">The values can mean nothing that is known.</exception>
    public PixelRange DetermineRange(IDataView data, PixelRange setting)
    {
        DataViewSchema.Column source = _column.Bind(data.Schema);
        bool isAnnotated = PixelNormalization.Of(source) is not null;
        if (setting != PixelRange.Auto)
        {
            return !isAnnotated || setting == PixelRange.Normalized
                ? setting
                : throw new ArgumentException(
                    $"PixelRange is {setting}, but feature column '{_column.Name}' comes from NormalizePixels. Set PixelRange to Auto or Normalized, or leave NormalizePixels out.");
        }

        if (isAnnotated)
        {
            return PixelRange.Normalized;
        }

        float minimum = 0, maximum = 0;
        long highestRow = 0;
        using DataViewRowCursor cursor = SequentialCursor.Open(data, [source]);
        ValueGetter<VBuffer<float>> getter = FeatureGetter.Of<VBuffer<float>>(cursor, source, () => cursor.Position);
        VBuffer<float> values = default;
        for (int row = 0; row < SampledRows && cursor.MoveNext(); row++)
        {
            try
            {
                getter(ref values);
            }
            catch (Exception exception) when (BadImageLog.IsBadImage(exception))
            {
                continue; // It is reported when the images are loaded.
            }

            foreach (float value in values.GetValues())
            {
                minimum = Math.Min(minimum, float.IsFinite(value) ? value : 0);
                if (value > maximum && float.IsFinite(value))
                {
                    (maximum, highestRow) = (value, cursor.Position);
                }
            }
        }

        const float one = 1 + PixelValues.Tolerance;
        if (minimum >= 0 && maximum > 255 * one)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"Row {highestRow} has the pixel value {maximum} in column '{_column.Name}', and no value in the first {SampledRows} rows is below 0: these are neither pixels of 0 to 255 or 0 to 1 nor normalised. Scale them to 0 to 255, or set PixelRange to what the values mean."));
        }

        return minimum < 0 ? PixelRange.Normalized : maximum > one ? PixelRange.ZeroTo255 : PixelRange.ZeroToOne;
    }

    /// <summary>Reads the rows that have a label.</summary>
    /// <exception cref="InvalidOperationException">No row can be used, or the data gave other rows before.</exception>
    /// <exception cref="InvalidDataException">A value is not in the range, or not finite.</exception>
    /// <returns>The images, what was left out, and what the values mean, with what they were.</returns>
    public (ImageDataset Images, BadImageLog Bad, PixelValues Values) Load(IDataView data, LabeledRows rows, ImagePreprocessing preprocessing, PixelValues meaning)
    {
        PixelRange range = meaning.Range;
        (float Lowest, float Highest) extremes = (float.MaxValue, float.MinValue);
        DataViewSchema.Column source = _column.Bind(data.Schema);
        (float[] toPixel, float[] offset) = ToPixel(source, range);
        bool mayBeBytes = toPixel.Length > 0;
        PixelCache cache = NewCache(mayBeBytes ? 1 : sizeof(float));
        var log = new BadImageLog(_handling);
        List<ImageEntry> kept = [];
        List<int> classes = [];
        float[] values = new float[_column.Width * _column.Height * _column.Channels];
        byte[] bytes = new byte[values.Length];

        try
        {
            int total = 0;
            using var cursor = new LabeledRowCursor(data, rows.Columns, source, _checkCancelled, isSequential: _handling == BadImageHandling.Skip);
            ValueGetter<VBuffer<float>> getter = FeatureGetter.Of<VBuffer<float>>(cursor.Values, source, () => cursor.Row);
            VBuffer<float> buffer = default;
            while (cursor.MoveNext())
            {
                classes.Add(cursor.Label);
                rows.CheckCount(classes.Count);
                if (cursor.Label == LabelColumn.Missing)
                {
                    continue;
                }

                total++;
                int row = cursor.Row;
                try
                {
                    getter(ref buffer);
                    ReadInterleaved(in buffer, values, row);
                    var (lowest, highest) = meaning.Check(values, _column.Name, row);
                    extremes = (Math.Min(extremes.Lowest, lowest), Math.Max(extremes.Highest, highest));
                }
                catch (InvalidDataException exception)
                {
                    log.Add(exception);
                    continue;
                }

                if (cache.ElementSize == 1 && !TryQuantize(values, toPixel, offset, bytes))
                {
                    cache = Widen(cache, toPixel, offset);
                }

                Span<byte> room = cache.Add(_column.Width, _column.Height);
                (cache.ElementSize == 1 ? bytes : MemoryMarshal.AsBytes(values.AsSpan())).CopyTo(room);
                kept.Add(new ImageEntry(row, cursor.Label, cursor.Weight, Fingerprint: _hasFingerprints ? Fingerprint.OfBytes(MemoryMarshal.AsBytes(values.AsSpan())) : 0));
            }

            rows.CheckSame(classes);
            if (kept.Count == 0)
            {
                throw new InvalidOperationException($"No image of column '{_column.Name}' can be used. {log.Summary(total)}");
            }

            InputFormat format = cache.ElementSize == 1
                ? ByteFormat(preprocessing, range, toPixel, offset)
                : InputFormat.Of(_column.Width, _column.Height, range, preprocessing.Mean, preprocessing.StandardDeviation) with { IsFloat = true };
            return (new ImageDataset(new CachedImages(cache, kept.Count), [.. kept], format), log, range == PixelRange.Normalized ? meaning with { Trained = extremes } : meaning);
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    private PixelCache NewCache(int elementSize) => new(_column.Channels, elementSize, _cacheSettings.MemoryLimit, _cacheSettings.TemporaryFolder);

    /// <summary>The line by channel from a column's value to a pixel of 0 to 255, or nothing where it is not known.</summary>
    private (float[] Scale, float[] Offset) ToPixel(DataViewSchema.Column source, PixelRange range)
    {
        if (range == PixelRange.Normalized)
        {
            return PixelNormalization.Of(source) is { } normalization && normalization.Channels == _column.Channels && normalization.Scale != 0
                ? ([.. normalization.StandardDeviation.Select(d => d / normalization.Scale)], [.. normalization.Mean.Select(m => m / normalization.Scale)])
                : ([], []);
        }

        float scale = range == PixelRange.ZeroToOne ? 255 : 1;
        return ([.. Enumerable.Repeat(scale, _column.Channels)], new float[_column.Channels]);
    }

    private InputFormat ByteFormat(ImagePreprocessing preprocessing, PixelRange range, float[] toPixel, float[] offset)
    {
        InputFormat pixels = InputFormat.Of(_column.Width, _column.Height, PixelRange.ZeroTo255, preprocessing.Mean, preprocessing.StandardDeviation);
        return range != PixelRange.Normalized
            ? pixels
            : pixels with { Scale = [.. toPixel.Select(s => 1 / s)], Offset = [.. toPixel.Zip(offset, (s, o) => -o / s)] };
    }

    private void ReadInterleaved(in VBuffer<float> buffer, float[] values, int row)
    {
        if (!_column.IsPlanar || _column.Channels == 1)
        {
            PixelVector.CopyTo(in buffer, values, _column.Name, row);
            return;
        }

        float[] planar = _planar ??= new float[values.Length];
        PixelVector.CopyTo(in buffer, planar, _column.Name, row);
        int plane = _column.Width * _column.Height;
        for (int channel = 0; channel < _column.Channels; channel++)
        {
            for (int i = 0; i < plane; i++)
            {
                values[(i * _column.Channels) + channel] = planar[(channel * plane) + i];
            }
        }
    }

    /// <summary>Turns values into pixels where each is one, within the rounding of a float that was a pixel once.</summary>
    private static bool TryQuantize(float[] values, float[] scale, float[] offset, byte[] bytes)
    {
        const float tolerance = 2e-3f;
        int channels = scale.Length;
        for (int i = 0; i < values.Length; i += channels)
        {
            for (int channel = 0; channel < channels; channel++)
            {
                float pixel = (values[i + channel] * scale[channel]) + offset[channel];
                float nearest = MathF.Round(pixel);
                if (!(Math.Abs(pixel - nearest) <= tolerance) || nearest is < 0 or > 255)
                {
                    return false;
                }

                bytes[i + channel] = (byte)nearest;
            }
        }

        return true;
    }

    /// <summary>The same images as float32, in the column's own values.</summary>
    private PixelCache Widen(PixelCache cache, float[] scale, float[] offset)
    {
        PixelCache wide = NewCache(sizeof(float));
        byte[] scratch = [];
        for (int index = 0; index < cache.Count; index++)
        {
            CachedImage image = cache.Get(index, ref scratch);
            Span<float> values = MemoryMarshal.Cast<byte, float>(wide.Add(image.Width, image.Height));
            for (int i = 0; i < values.Length; i++)
            {
                int channel = i % cache.Channels;
                values[i] = (image.Pixels[i] - offset[channel]) / scale[channel];
            }
        }

        cache.Dispose();
        return wide;
    }
}
