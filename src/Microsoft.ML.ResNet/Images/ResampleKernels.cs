using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The inner loops of a resize. Integer arithmetic throughout: vector and scalar code give the same pixels.</summary>
internal static class ResampleKernels
{
    /// <summary>Bytes past the end of a row that the vector code may overwrite.</summary>
    public const int Slack = 16;

    private const int Half = 1 << (ResampleTable.PrecisionBits - 1);

    // Four RGB pixels to 16-bit pairs (tap 0, tap 1) of R, G, B in the lower half and (tap 2, tap 3) in the upper half; 255 gives zero.
    private static readonly Vector256<byte> PairTaps = Vector256.Create(
        (byte)0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, 255,
        6, 255, 9, 255, 7, 255, 10, 255, 8, 255, 11, 255, 255, 255, 255, 255);

    private static readonly Vector256<int> HighPairs = Vector256.Create(0, 0, 0, 0, 1, 1, 1, 1);

    private static readonly Vector256<int> LowPairs = Vector256.Create(2, 2, 2, 2, 3, 3, 3, 3);

    /// <summary>Resizes one row.</summary>
    /// <param name="source">[>= sourceWidth,3] uint8: the row, and what follows it in memory.</param>
    /// <param name="sourceWidth">Pixels of the row.</param>
    /// <param name="table">Coefficients along the row.</param>
    /// <param name="target">[targetWidth,3] uint8, and <see cref="Slack"/> bytes.</param>
    /// <param name="targetWidth">Pixels to compute.</param>
    /// <param name="vectorised">Whether AVX2 may be used.</param>
    public static void AlongRow(ReadOnlySpan<byte> source, int sourceWidth, ResampleTable table, Span<byte> target, int targetWidth, bool vectorised)
    {
        // The last group of taps is loaded whole: 16 bytes from its first pixel.
        long lastRead = ((table.LastStart + ((table.Groups - 1L) * ResampleTable.GroupTaps)) * 3) + 16;
        if (vectorised && lastRead <= source.Length && target.Length >= (targetWidth * 3) + 1)
        {
            AlongRowAvx2(source, table, target, targetWidth);
            return;
        }

        ReadOnlySpan<byte> row = source[..(sourceWidth * 3)];
        for (int x = 0; x < targetWidth; x++)
        {
            int red = Half;
            int green = Half;
            int blue = Half;
            ReadOnlySpan<byte> pixels = row.Slice(table.Starts[x] * 3, table.Taps[x] * 3);
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

    /// <summary>Computes one row of the result from rows of the first pass.</summary>
    /// <param name="rows">[rows,rowBytes] uint8, from the table's first row to its end.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="table">Coefficients across rows.</param>
    /// <param name="row">Which row of the result.</param>
    /// <param name="target">[rowBytes] uint8.</param>
    /// <param name="vectorised">Whether AVX2 may be used.</param>
    public static void AcrossRows(ReadOnlySpan<byte> rows, int rowBytes, ResampleTable table, int row, Span<byte> target, bool vectorised)
    {
        int first = table.Starts[row] - table.First;
        int taps = table.Taps[row];
        int done = vectorised ? AcrossRowsAvx2(rows, rowBytes, table, row, target) : 0;
        for (int i = done; i < rowBytes; i++)
        {
            int sum = Half;
            for (int tap = 0; tap < taps; tap++)
            {
                sum += rows[((first + tap) * rowBytes) + i] * table.Coefficient(row, tap);
            }

            target[i] = ToByte(sum);
        }
    }

    // Coefficients are not negative and sum to 1 but for rounding: the sum cannot leave 0..255.
    private static byte ToByte(int sum) => (byte)(sum >> ResampleTable.PrecisionBits);

    private static void AlongRowAvx2(ReadOnlySpan<byte> source, ResampleTable table, Span<byte> target, int targetWidth)
    {
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(target);
        ref short coefficients = ref MemoryMarshal.GetArrayDataReference(table.Coefficients);
        ref int starts = ref MemoryMarshal.GetArrayDataReference(table.Starts);
        int groups = table.Groups;
        nuint next = 0;
        for (int x = 0; x < targetWidth; x++)
        {
            nuint start = (nuint)Unsafe.Add(ref starts, x) * 3;
            Vector256<int> high = Vector256<int>.Zero;
            Vector256<int> low = Vector256<int>.Zero;
            for (int group = 0; group < groups; group++)
            {
                Vector128<byte> loaded = Vector128.LoadUnsafe(ref from, start);
                Vector256<short> pixels = Avx2.Shuffle(Vector256.Create(loaded, loaded), PairTaps).AsInt16();
                Vector256<int> halves = Vector128.LoadUnsafe(ref coefficients, next).AsInt32().ToVector256Unsafe();
                high += Avx2.MultiplyAddAdjacent(pixels, Avx2.PermuteVar8x32(halves, HighPairs).AsInt16());
                low += Avx2.MultiplyAddAdjacent(pixels, Avx2.PermuteVar8x32(halves, LowPairs).AsInt16());
                start += 3 * ResampleTable.GroupTaps;
                next += 2 * ResampleTable.GroupTaps;
            }

            Vector256<int> both = (high << ResampleTable.LowBits) + low;
            Vector128<int> sum = (both.GetLower() + both.GetUpper() + Vector128.Create(Half)) >> ResampleTable.PrecisionBits;
            Vector128<short> words = Sse2.PackSignedSaturate(sum, sum);
            // R, G, B and a byte that the next pixel overwrites.
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, x * 3), Sse2.PackUnsignedSaturate(words, words).AsInt32().ToScalar());
        }
    }

    private static int AcrossRowsAvx2(ReadOnlySpan<byte> rows, int rowBytes, ResampleTable table, int row, Span<byte> target)
    {
        ref byte from = ref MemoryMarshal.GetReference(rows);
        ref byte to = ref MemoryMarshal.GetReference(target);
        ref int coefficients = ref Unsafe.As<short, int>(ref table.Coefficients[row * table.Groups * 2 * ResampleTable.GroupTaps]);
        int first = table.Starts[row] - table.First;
        int taps = table.Taps[row];
        int column = 0;
        for (; column + 16 <= rowBytes; column += 16)
        {
            Vector256<int> highLeft = Vector256<int>.Zero;
            Vector256<int> lowLeft = Vector256<int>.Zero;
            Vector256<int> highRight = Vector256<int>.Zero;
            Vector256<int> lowRight = Vector256<int>.Zero;
            for (int tap = 0; tap < taps; tap += 2)
            {
                // Of an odd number of taps the last one's partner has coefficient zero: any row does.
                int partner = Math.Min(tap + 1, taps - 1);
                Vector128<byte> upper = Vector128.LoadUnsafe(ref from, (nuint)(((first + tap) * rowBytes) + column));
                Vector128<byte> lower = Vector128.LoadUnsafe(ref from, (nuint)(((first + partner) * rowBytes) + column));
                Vector256<short> left = Avx2.ConvertToVector256Int16(Sse2.UnpackLow(upper, lower));
                Vector256<short> right = Avx2.ConvertToVector256Int16(Sse2.UnpackHigh(upper, lower));
                // [group, 2, 4] halves are [group, 4] pairs: high 01, high 23, low 01, low 23.
                int pair = ((tap >> 2) * ResampleTable.GroupTaps) + ((tap >> 1) & 1);
                Vector256<short> high = Vector256.Create(Unsafe.Add(ref coefficients, pair)).AsInt16();
                Vector256<short> low = Vector256.Create(Unsafe.Add(ref coefficients, pair + 2)).AsInt16();
                highLeft += Avx2.MultiplyAddAdjacent(left, high);
                lowLeft += Avx2.MultiplyAddAdjacent(left, low);
                highRight += Avx2.MultiplyAddAdjacent(right, high);
                lowRight += Avx2.MultiplyAddAdjacent(right, low);
            }

            Vector256<int> sumLeft = ((highLeft << ResampleTable.LowBits) + lowLeft + Vector256.Create(Half)) >> ResampleTable.PrecisionBits;
            Vector256<int> sumRight = ((highRight << ResampleTable.LowBits) + lowRight + Vector256.Create(Half)) >> ResampleTable.PrecisionBits;
            // Packing works on each half: left 0-3, right 0-3, left 4-7, right 4-7.
            Vector256<short> words = Avx2.Permute4x64(Avx2.PackSignedSaturate(sumLeft, sumRight).AsInt64(), 0b11_01_10_00).AsInt16();
            Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper()).StoreUnsafe(ref to, (nuint)column);
        }

        return column;
    }
}
