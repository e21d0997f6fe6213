namespace Microsoft.ML.ResNet.Images;

/// <summary>The inner loops of a resize. Integer arithmetic throughout: vector and scalar code give the same pixels.</summary>
internal static class ResampleKernels
{
    /// <summary>Half of the last place: sums are rounded to nearest.</summary>
    public const int Half = 1 << (ResampleTable.PrecisionBits - 1);

    /// <summary>Bytes behind each row of the first pass that vector code may overwrite: it stores a pixel as four bytes.</summary>
    public const int RowSlack = 1;

    /// <summary>Resizes rows, each on its own.</summary>
    /// <param name="source">[>= rows,sourceWidth,3] uint8: the rows, and what follows them in memory.</param>
    /// <param name="sourceWidth">Pixels of a source row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="table">Coefficients along the row.</param>
    /// <param name="target">[rows,targetWidth,3] uint8; rows are <paramref name="targetStride"/> bytes apart.</param>
    /// <param name="targetStride">Bytes from one row of the target to the next: a row and at least <see cref="RowSlack"/>.</param>
    /// <param name="vectorised">Whether AVX2 may be used.</param>
    public static void AlongRows(ReadOnlySpan<byte> source, int sourceWidth, int rows, ResampleTable table, Span<byte> target, int targetStride, bool vectorised)
    {
        int row = vectorised ? ResampleAvx2.AlongRows(source, sourceWidth, rows, table, target, targetStride) : 0;
        int sourceBytes = sourceWidth * 3;
        int targetBytes = table.Starts.Length * 3;
        for (; row < rows; row++)
        {
            AlongRow(source.Slice(row * sourceBytes, sourceBytes), table, target.Slice(row * targetStride, targetBytes));
        }
    }

    /// <summary>Computes one row of the result from rows of the first pass.</summary>
    /// <param name="rows">[rows,stride] uint8, from the table's first row to its end.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="table">Coefficients across rows.</param>
    /// <param name="row">Which row of the result.</param>
    /// <param name="target">[targetWidth,3] uint8.</param>
    /// <param name="vectorised">Whether AVX2 may be used.</param>
    public static void AcrossRows(ReadOnlySpan<byte> rows, int stride, ResampleTable table, int row, Span<byte> target, bool vectorised)
    {
        int first = table.Starts[row] - table.First;
        int taps = table.Taps[row];
        int done = vectorised ? ResampleAvx2.AcrossRows(rows, stride, table, row, target) : 0;
        for (int i = done; i < target.Length; i++)
        {
            int sum = Half;
            for (int tap = 0; tap < taps; tap++)
            {
                sum += rows[((first + tap) * stride) + i] * table.Coefficient(row, tap);
            }

            target[i] = ToByte(sum);
        }
    }

    private static void AlongRow(ReadOnlySpan<byte> source, ResampleTable table, Span<byte> target)
    {
        for (int x = 0; x < table.Starts.Length; x++)
        {
            int red = Half;
            int green = Half;
            int blue = Half;
            ReadOnlySpan<byte> pixels = source.Slice(table.Starts[x] * 3, table.Taps[x] * 3);
            for (int tap = 0; tap < table.Taps[x]; tap++)
            {
                int coefficient = table.Coefficient(x, tap);
                red += pixels[tap * 3] * coefficient;
                green += pixels[(tap * 3) + 1] * coefficient;
                blue += pixels[(tap * 3) + 2] * coefficient;
            }

            target[x * 3] = ToByte(red);
            target[(x * 3) + 1] = ToByte(green);
            target[(x * 3) + 2] = ToByte(blue);
        }
    }

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> ResampleTable.PrecisionBits, 0, 255);
}
