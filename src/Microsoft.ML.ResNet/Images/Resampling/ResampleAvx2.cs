using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Images;

/// <summary>The inner loops of a resize for AVX2. What they leave over is for the scalar code.</summary>
internal static class ResampleAvx2
{
    private const int GroupShorts = 2 * ResampleTable.GroupTaps;

    /// <summary>Resizes rows two at a time: one in each half of a vector.</summary>
    /// <returns>How many rows are done.</returns>
    public static int AlongRows(ReadOnlySpan<byte> source, int sourceWidth, int rows, ResampleTable table, Span<byte> target, int targetStride)
    {
        // The last group of taps is loaded whole: 16 bytes from its first pixel. A target pixel is stored as four bytes.
        int loaded = ((table.LastStart + ((table.Groups - 1) * ResampleTable.GroupTaps)) * 3) + 16;
        int sourceBytes = sourceWidth * 3;
        int row = 0;
        for (; row + 2 <= rows && ((row + 1) * sourceBytes) + loaded <= source.Length && (row + 2) * targetStride <= target.Length; row += 2)
        {
            ResizeTwoRows(source[(row * sourceBytes)..], sourceBytes, table, target[(row * targetStride)..], targetStride);
        }

        return row;
    }

    /// <summary>Computes 16 bytes of a row of the result at a time.</summary>
    /// <returns>How many bytes are done.</returns>
    public static int AcrossRows(ReadOnlySpan<byte> rows, int stride, ResampleTable table, int row, Span<byte> target)
    {
        int first = table.Starts[row] - table.First;
        int taps = table.Taps[row];
        ref byte from = ref Unsafe.Add(ref MemoryMarshal.GetReference(rows), first * stride);
        ref byte to = ref MemoryMarshal.GetReference(target);
        // [group, 2, 4] halves are [group, 4] pairs: high 0 1, high 2 3, low 0 1, low 2 3.
        ref int pairs = ref Unsafe.As<short, int>(ref table.Coefficients[row * table.Groups * GroupShorts]);
        if (taps <= ResampleTable.GroupTaps)
        {
            return BlendFourRows(ref from, stride, taps, ref pairs, target);
        }

        int column = 0;
        for (; column + 16 <= target.Length; column += 16)
        {
            var sums = default(Sums);
            for (int tap = 0; tap < taps; tap += 2)
            {
                // Of an odd number of taps the last one's partner has coefficient zero: any row does.
                int partner = Math.Min(tap + 1, taps - 1);
                int pair = ((tap >> 2) * ResampleTable.GroupTaps) + ((tap >> 1) & 1);
                sums.Add(
                    Vector128.LoadUnsafe(ref from, (nuint)((tap * stride) + column)),
                    Vector128.LoadUnsafe(ref from, (nuint)((partner * stride) + column)),
                    Vector256.Create(Unsafe.Add(ref pairs, pair)).AsInt16(),
                    Vector256.Create(Unsafe.Add(ref pairs, pair + 2)).AsInt16());
            }

            sums.ToBytes().StoreUnsafe(ref to, (nuint)column);
        }

        return column;
    }

    private static void ResizeTwoRows(ReadOnlySpan<byte> source, int sourceBytes, ResampleTable table, Span<byte> target, int targetStride)
    {
        // Four RGB pixels to 16-bit pairs (tap 0, tap 1) of R, G, B, and (tap 2, tap 3); 255 gives zero.
        Vector256<byte> firstPair = Vector256.Create(
            (byte)0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, 255,
            0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, 255);
        Vector256<byte> secondPair = Vector256.Create(
            (byte)6, 255, 9, 255, 7, 255, 10, 255, 8, 255, 11, 255, 255, 255, 255, 255,
            6, 255, 9, 255, 7, 255, 10, 255, 8, 255, 11, 255, 255, 255, 255, 255);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(target);
        ref int pairs = ref Unsafe.As<short, int>(ref MemoryMarshal.GetArrayDataReference(table.Coefficients));
        ref int starts = ref MemoryMarshal.GetArrayDataReference(table.Starts);
        int pixels = table.Starts.Length;
        int groups = table.Groups;
        for (int x = 0; x < pixels; x++)
        {
            nuint start = (nuint)Unsafe.Add(ref starts, x) * 3;
            Vector256<int> high = Vector256<int>.Zero;
            Vector256<int> low = Vector256<int>.Zero;
            for (int group = 0; group < groups; group++)
            {
                Vector256<byte> both = Vector256.Create(Vector128.LoadUnsafe(ref from, start), Vector128.LoadUnsafe(ref from, start + (nuint)sourceBytes));
                Vector256<short> first = Avx2.Shuffle(both, firstPair).AsInt16();
                Vector256<short> second = Avx2.Shuffle(both, secondPair).AsInt16();
                high += Avx2.MultiplyAddAdjacent(first, Vector256.Create(pairs).AsInt16()) + Avx2.MultiplyAddAdjacent(second, Vector256.Create(Unsafe.Add(ref pairs, 1)).AsInt16());
                low += Avx2.MultiplyAddAdjacent(first, Vector256.Create(Unsafe.Add(ref pairs, 2)).AsInt16()) + Avx2.MultiplyAddAdjacent(second, Vector256.Create(Unsafe.Add(ref pairs, 3)).AsInt16());
                start += 3 * ResampleTable.GroupTaps;
                pairs = ref Unsafe.Add(ref pairs, ResampleTable.GroupTaps);
            }

            Vector256<int> sum = Round(high, low);
            Vector256<short> words = Avx2.PackSignedSaturate(sum, sum);
            Vector256<int> bytes = Avx2.PackUnsignedSaturate(words, words).AsInt32();
            // R, G, B and a byte that the next pixel overwrites, or that is slack.
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, x * 3), bytes.ToScalar());
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, (x * 3) + targetStride), bytes.GetUpper().ToScalar());
        }
    }

    private static int BlendFourRows(ref byte from, int stride, int taps, ref int pairs, Span<byte> target)
    {
        ref byte to = ref MemoryMarshal.GetReference(target);
        // Rows beyond the taps have coefficient zero: any row does.
        nuint second = (nuint)(Math.Min(1, taps - 1) * stride);
        nuint third = (nuint)(Math.Min(2, taps - 1) * stride);
        nuint fourth = (nuint)(Math.Min(3, taps - 1) * stride);
        Vector256<short> firstHigh = Vector256.Create(pairs).AsInt16();
        Vector256<short> secondHigh = Vector256.Create(Unsafe.Add(ref pairs, 1)).AsInt16();
        Vector256<short> firstLow = Vector256.Create(Unsafe.Add(ref pairs, 2)).AsInt16();
        Vector256<short> secondLow = Vector256.Create(Unsafe.Add(ref pairs, 3)).AsInt16();
        int column = 0;
        for (; column + 16 <= target.Length; column += 16)
        {
            nuint at = (nuint)column;
            var sums = default(Sums);
            sums.Add(Vector128.LoadUnsafe(ref from, at), Vector128.LoadUnsafe(ref from, second + at), firstHigh, firstLow);
            sums.Add(Vector128.LoadUnsafe(ref from, third + at), Vector128.LoadUnsafe(ref from, fourth + at), secondHigh, secondLow);
            sums.ToBytes().StoreUnsafe(ref to, at);
        }

        return column;
    }

    private static Vector256<int> Round(Vector256<int> high, Vector256<int> low) =>
        ((high << ResampleTable.LowBits) + low + Vector256.Create(ResampleKernels.Half)) >> ResampleTable.PrecisionBits;

    /// <summary>Sums of 16 bytes across rows, of the coefficients' high and low halves.</summary>
    private struct Sums
    {
        private Vector256<int> _highLeft;
        private Vector256<int> _lowLeft;
        private Vector256<int> _highRight;
        private Vector256<int> _lowRight;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(Vector128<byte> upper, Vector128<byte> lower, Vector256<short> high, Vector256<short> low)
        {
            Vector256<short> left = Avx2.ConvertToVector256Int16(Sse2.UnpackLow(upper, lower));
            Vector256<short> right = Avx2.ConvertToVector256Int16(Sse2.UnpackHigh(upper, lower));
            _highLeft += Avx2.MultiplyAddAdjacent(left, high);
            _lowLeft += Avx2.MultiplyAddAdjacent(left, low);
            _highRight += Avx2.MultiplyAddAdjacent(right, high);
            _lowRight += Avx2.MultiplyAddAdjacent(right, low);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector128<byte> ToBytes()
        {
            // Packing works on each half: left 0-3, right 0-3, left 4-7, right 4-7.
            Vector256<int> packed = Avx2.PackSignedSaturate(Round(_highLeft, _lowLeft), Round(_highRight, _lowRight)).AsInt32();
            Vector256<short> words = Avx2.Permute4x64(packed.AsInt64(), 0b11_01_10_00).AsInt16();
            return Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper());
        }
    }
}
