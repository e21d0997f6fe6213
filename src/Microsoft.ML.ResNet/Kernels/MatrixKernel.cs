using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>
/// The innermost loops of convolutions: products of <see cref="Rows"/> rows with <see cref="Columns"/> columns, whose sums stay in
/// registers (twelve of sixteen; two hold the columns' weights and one the row's value). For AVX2 with FMA.
/// </summary>
internal static unsafe class MatrixKernel
{
    public const int Rows = 6;

    public const int Columns = 16;

    private const int Lanes = 8;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>Multiplies rows that lie at a fixed distance, and stores the sums.</summary>
    /// <param name="a">The first row, <paramref name="depth"/> values; the others follow at <paramref name="rowStride"/>.</param>
    /// <param name="b">[depth, 16], aligned.</param>
    /// <param name="c">Where the first row of 16 sums goes; the others follow at <paramref name="targetStride"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, nint rowStride, nint depth, float* b, float* c, nint targetStride)
    {
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector256<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        float* upper = a, lower = a + (3 * rowStride), end = a + depth;
        for (; upper < end; upper++, lower++, b += Columns)
        {
            Vector256<float> left = Avx.LoadAlignedVector256(b), right = Avx.LoadAlignedVector256(b + Lanes);
            Vector256<float> value = Avx.BroadcastScalarToVector256(upper);
            s00 = Fma.MultiplyAdd(value, left, s00);
            s01 = Fma.MultiplyAdd(value, right, s01);
            value = Avx.BroadcastScalarToVector256(upper + rowStride);
            s10 = Fma.MultiplyAdd(value, left, s10);
            s11 = Fma.MultiplyAdd(value, right, s11);
            value = Avx.BroadcastScalarToVector256(upper + (2 * rowStride));
            s20 = Fma.MultiplyAdd(value, left, s20);
            s21 = Fma.MultiplyAdd(value, right, s21);
            value = Avx.BroadcastScalarToVector256(lower);
            s30 = Fma.MultiplyAdd(value, left, s30);
            s31 = Fma.MultiplyAdd(value, right, s31);
            value = Avx.BroadcastScalarToVector256(lower + rowStride);
            s40 = Fma.MultiplyAdd(value, left, s40);
            s41 = Fma.MultiplyAdd(value, right, s41);
            value = Avx.BroadcastScalarToVector256(lower + (2 * rowStride));
            s50 = Fma.MultiplyAdd(value, left, s50);
            s51 = Fma.MultiplyAdd(value, right, s51);
        }

        s00.Store(c);
        s01.Store(c + Lanes);
        c += targetStride;
        s10.Store(c);
        s11.Store(c + Lanes);
        c += targetStride;
        s20.Store(c);
        s21.Store(c + Lanes);
        c += targetStride;
        s30.Store(c);
        s31.Store(c + Lanes);
        c += targetStride;
        s40.Store(c);
        s41.Store(c + Lanes);
        c += targetStride;
        s50.Store(c);
        s51.Store(c + Lanes);
    }

    /// <summary>Multiplies rows that are gathered from segments of memory, then adds bias and summand and applies a ReLU as asked.</summary>
    /// <param name="a">What offsets of the source are counted from.</param>
    /// <param name="rows">The offset of each of the six rows.</param>
    /// <param name="segments">Offsets that are added to those of the rows: where each part of a row lies.</param>
    /// <param name="length">The values of a segment.</param>
    /// <param name="b">[segments, length, 16], aligned.</param>
    /// <param name="epilogue">Where sums go, and what is done to them before.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplySegments(float* a, nint* rows, nint* segments, int segmentCount, nint length, float* b, in Epilogue epilogue)
    {
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector256<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        for (int segment = 0; segment < segmentCount; segment++)
        {
            float* origin = a + segments[segment];
            float* a0 = origin + rows[0], a1 = origin + rows[1], a2 = origin + rows[2];
            float* a3 = origin + rows[3], a4 = origin + rows[4], a5 = origin + rows[5];
            for (nint k = 0; k < length; k++, b += Columns)
            {
                Vector256<float> left = Avx.LoadAlignedVector256(b), right = Avx.LoadAlignedVector256(b + Lanes);
                Vector256<float> value = Avx.BroadcastScalarToVector256(a0 + k);
                s00 = Fma.MultiplyAdd(value, left, s00);
                s01 = Fma.MultiplyAdd(value, right, s01);
                value = Avx.BroadcastScalarToVector256(a1 + k);
                s10 = Fma.MultiplyAdd(value, left, s10);
                s11 = Fma.MultiplyAdd(value, right, s11);
                value = Avx.BroadcastScalarToVector256(a2 + k);
                s20 = Fma.MultiplyAdd(value, left, s20);
                s21 = Fma.MultiplyAdd(value, right, s21);
                value = Avx.BroadcastScalarToVector256(a3 + k);
                s30 = Fma.MultiplyAdd(value, left, s30);
                s31 = Fma.MultiplyAdd(value, right, s31);
                value = Avx.BroadcastScalarToVector256(a4 + k);
                s40 = Fma.MultiplyAdd(value, left, s40);
                s41 = Fma.MultiplyAdd(value, right, s41);
                value = Avx.BroadcastScalarToVector256(a5 + k);
                s50 = Fma.MultiplyAdd(value, left, s50);
                s51 = Fma.MultiplyAdd(value, right, s51);
            }
        }

        epilogue.Store(0, s00, s01);
        epilogue.Store(1, s10, s11);
        epilogue.Store(2, s20, s21);
        epilogue.Store(3, s30, s31);
        epilogue.Store(4, s40, s41);
        epilogue.Store(5, s50, s51);
    }

    /// <summary>
    /// Adds to four rows of sixteen sums the product of two matrices that both lie with their common dimension as rows: target[r, c] += a[k, r] *
    /// b[k, c]. For gradients of weights, whose common dimension are the pixels.
    /// </summary>
    /// <param name="a">The first of <paramref name="depth"/> rows, of which four values are read; they lie <paramref name="aStride"/> apart.</param>
    /// <param name="b">What offsets are counted from; of each row sixteen values are read.</param>
    /// <param name="offsets">The offset of each row of b.</param>
    /// <param name="target">The first row of sums; rows lie <paramref name="targetStride"/> apart.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AccumulateTransposed(float* a, nint aStride, float* b, nint* offsets, nint depth, float* target, nint targetStride)
    {
        Vector256<float> s00 = Avx.LoadVector256(target), s01 = Avx.LoadVector256(target + Lanes);
        Vector256<float> s10 = Avx.LoadVector256(target + targetStride), s11 = Avx.LoadVector256(target + targetStride + Lanes);
        float* lower = target + (2 * targetStride);
        Vector256<float> s20 = Avx.LoadVector256(lower), s21 = Avx.LoadVector256(lower + Lanes);
        Vector256<float> s30 = Avx.LoadVector256(lower + targetStride), s31 = Avx.LoadVector256(lower + targetStride + Lanes);
        for (nint k = 0; k < depth; k++, a += aStride)
        {
            float* row = b + offsets[k];
            Vector256<float> left = Avx.LoadVector256(row), right = Avx.LoadVector256(row + Lanes);
            Vector256<float> value = Avx.BroadcastScalarToVector256(a);
            s00 = Fma.MultiplyAdd(value, left, s00);
            s01 = Fma.MultiplyAdd(value, right, s01);
            value = Avx.BroadcastScalarToVector256(a + 1);
            s10 = Fma.MultiplyAdd(value, left, s10);
            s11 = Fma.MultiplyAdd(value, right, s11);
            value = Avx.BroadcastScalarToVector256(a + 2);
            s20 = Fma.MultiplyAdd(value, left, s20);
            s21 = Fma.MultiplyAdd(value, right, s21);
            value = Avx.BroadcastScalarToVector256(a + 3);
            s30 = Fma.MultiplyAdd(value, left, s30);
            s31 = Fma.MultiplyAdd(value, right, s31);
        }

        s00.Store(target);
        s01.Store(target + Lanes);
        s10.Store(target + targetStride);
        s11.Store(target + targetStride + Lanes);
        s20.Store(lower);
        s21.Store(lower + Lanes);
        s30.Store(lower + targetStride);
        s31.Store(lower + targetStride + Lanes);
    }

    /// <summary>What becomes of the sums of six rows and sixteen columns.</summary>
    /// <param name="target">What offsets of the target are counted from.</param>
    /// <param name="rows">The offset of each row's sixteen sums.</param>
    /// <param name="bias">Sixteen summands, one a column.</param>
    /// <param name="summand">Laid out as the target, or null.</param>
    public readonly ref struct Epilogue(float* target, nint* rows, float* bias, float* summand, bool relu)
    {
        private readonly float* _target = target;
        private readonly nint* _rows = rows;
        private readonly float* _bias = bias;
        private readonly float* _summand = summand;
        private readonly bool _relu = relu;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(int row, Vector256<float> left, Vector256<float> right)
        {
            nint offset = _rows[row];
            left += Avx.LoadVector256(_bias);
            right += Avx.LoadVector256(_bias + Lanes);
            if (_summand != null)
            {
                left += Avx.LoadVector256(_summand + offset);
                right += Avx.LoadVector256(_summand + offset + Lanes);
            }

            if (_relu)
            {
                // Of two operands of which one is NaN, the processor's maximum is the second: NaN stays.
                left = Avx.Max(Vector256<float>.Zero, left);
                right = Avx.Max(Vector256<float>.Zero, right);
            }

            left.Store(_target + offset);
            right.Store(_target + offset + Lanes);
        }
    }
}
