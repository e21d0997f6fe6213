using System.Collections.Concurrent;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Antialiased bilinear resize, equal bit for bit to Pillow's BILINEAR, which torchvision's <c>Resize</c> runs on images: first along
/// the rows, rounded to 8 bits, then along the columns. Thread-safe; the coefficients of recent sizes are kept.
/// </summary>
internal sealed class ImageResizer
{
    // Random crops have a box of their own each: kept tables stay few, and a table that is not found costs microseconds.
    private const int MaxTables = 256;

    private const int MaxKeptCoefficients = 1 << 16;

    private readonly ConcurrentDictionary<ResampleAxis, ResampleTable> _tables = new();
    private readonly bool _vectorised;
    private int _tableCount;

    /// <summary>Makes a resizer.</summary>
    /// <param name="allowVectors">False: scalar code only. Both give the same pixels.</param>
    public ImageResizer(bool allowVectors = true)
    {
        _vectorised = allowVectors && Avx2.IsSupported;
    }

    /// <summary>Resizes a box of an image.</summary>
    /// <param name="source">[sourceHeight,sourceWidth,3] uint8.</param>
    /// <param name="sourceWidth">Width of the whole source.</param>
    /// <param name="sourceHeight">Height of the whole source.</param>
    /// <param name="box">The part to resize. The filter also sees the pixels around it, as Pillow's <c>resize(box=...)</c> does.</param>
    /// <param name="target">[targetHeight,targetWidth,3] uint8; rows are <paramref name="targetStride"/> bytes apart.</param>
    /// <param name="targetWidth">Width of the result.</param>
    /// <param name="targetHeight">Height of the result.</param>
    /// <param name="mirror">Whether left and right change places.</param>
    /// <param name="targetStride">Bytes from one row of the target to the next; 0: no gaps.</param>
    public void Resize(
        ReadOnlySpan<byte> source, int sourceWidth, int sourceHeight, in ImageBox box,
        Span<byte> target, int targetWidth, int targetHeight, bool mirror = false, int targetStride = 0)
    {
        RequireBox(box);
        Resize(
            source, sourceWidth, sourceHeight,
            new(sourceWidth, box.X, box.Width, targetWidth, sourceWidth) { Mirror = mirror },
            new(sourceHeight, box.Y, box.Height, targetHeight, sourceHeight),
            target, targetStride);
    }

    /// <summary>Resizes a box of the original that an image was decoded from, whatever scale or part of it was decoded.</summary>
    /// <param name="image">The image; it must hold the box and, for the filter, what lies around it.</param>
    /// <param name="box">The part to resize, in pixels of the original.</param>
    /// <param name="target">[targetHeight,targetWidth,3] uint8; rows are <paramref name="targetStride"/> bytes apart.</param>
    /// <param name="targetWidth">Width of the result.</param>
    /// <param name="targetHeight">Height of the result.</param>
    /// <param name="mirror">Whether left and right change places.</param>
    /// <param name="targetStride">Bytes from one row of the target to the next; 0: no gaps.</param>
    public void Resize(PixelImage image, in ImageBox box, Span<byte> target, int targetWidth, int targetHeight, bool mirror = false, int targetStride = 0)
    {
        RequireBox(box);
        Resize(
            image.Span, image.Width, image.Height,
            new(image.OriginalWidth, box.X, box.Width, targetWidth, image.Width) { Scale = image.Scale, Offset = image.OffsetX, Mirror = mirror },
            new(image.OriginalHeight, box.Y, box.Height, targetHeight, image.Height) { Scale = image.Scale, Offset = image.OffsetY },
            target, targetStride);
    }

    private void Resize(
        ReadOnlySpan<byte> source, int sourceWidth, int sourceHeight, in ResampleAxis columnAxis, in ResampleAxis rowAxis, Span<byte> target, int targetStride)
    {
        int targetWidth = columnAxis.TargetLength;
        int targetHeight = rowAxis.TargetLength;
        int rowBytes = checked(targetWidth * 3);
        int stride = targetStride == 0 ? rowBytes : targetStride;
        RequireBuffers(source, sourceWidth, sourceHeight, target, targetWidth, targetHeight, rowBytes, stride);
        ResampleTable columns = TableFor(columnAxis);
        ResampleTable rows = TableFor(rowAxis);

        // Only the rows that the second pass reads.
        int middleRows = rows.End - rows.First;
        int middleStride = rowBytes + ResampleKernels.RowSlack;
        using var memory = new PixelMemory(checked(middleRows * middleStride));
        Span<byte> middle = memory.Span;
        ResampleKernels.AlongRows(source[(rows.First * sourceWidth * 3)..], sourceWidth, middleRows, columns, middle, middleStride, _vectorised);
        for (int row = 0; row < targetHeight; row++)
        {
            ResampleKernels.AcrossRows(middle, middleStride, rows, row, target.Slice(row * stride, rowBytes), _vectorised);
        }
    }

    private static void RequireBox(in ImageBox box)
    {
        if (!(box.Width > 0 && box.Height > 0 && double.IsFinite(box.X + box.Width) && double.IsFinite(box.Y + box.Height)))
        {
            throw new ArgumentOutOfRangeException(nameof(box), box, "Expected a box with a positive width and height.");
        }
    }

    private static void RequireBuffers(
        ReadOnlySpan<byte> source, int sourceWidth, int sourceHeight, Span<byte> target, int targetWidth, int targetHeight, int rowBytes, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sourceWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(sourceHeight, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(targetWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(targetHeight, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, rowBytes, "targetStride");
        if (source.Length < (long)sourceWidth * sourceHeight * 3)
        {
            throw new ArgumentException($"{sourceWidth} x {sourceHeight} pixels are {(long)sourceWidth * sourceHeight * 3} bytes, but {source.Length} were given.", nameof(source));
        }

        if (target.Length < ((long)stride * (targetHeight - 1)) + rowBytes)
        {
            throw new ArgumentException($"{targetWidth} x {targetHeight} pixels are {((long)stride * (targetHeight - 1)) + rowBytes} bytes, but the target has {target.Length}.", nameof(target));
        }
    }

    private ResampleTable TableFor(in ResampleAxis axis)
    {
        if (_tables.TryGetValue(axis, out ResampleTable? table))
        {
            return table;
        }

        table = new ResampleTable(axis);
        if (table.Coefficients.Length <= MaxKeptCoefficients)
        {
            if (Interlocked.Increment(ref _tableCount) > MaxTables)
            {
                _tables.Clear();
                Interlocked.Exchange(ref _tableCount, 1);
            }

            _tables[axis] = table;
        }

        return table;
    }
}
