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

    /// <summary>Multiplies rows that are gathered from segments of memory, then adds bias and residual and applies a ReLU as asked.</summary>
    /// <param name="a">What offsets of the source are counted from.</param>
    /// <param name="rows">The offset of each of the six rows.</param>
    /// <param name="segments">Offsets that are added to those of the rows: where each part of a row lies.</param>
    /// <param name="length">The values of a segment.</param>
    /// <param name="b">[segments, length, 16], aligned.</param>
    /// <param name="epilogue">Where sums go, and what is done to them before.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, nint* rows, nint* segments, int segmentCount, nint length, float* b, in Epilogue epilogue)
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

    /// <summary>Adds the product of the transpose of one panel with another, sixteen rows and columns, to sums.</summary>
    /// <param name="a">[depth, 16]: the rows of the product.</param>
    /// <param name="b">[depth, 16]: its columns.</param>
    /// <param name="target">[16, 16].</param>
    public static void AccumulatePanels(float* a, float* b, nint depth, float* target)
    {
        for (int row = 0; row < Columns; row += 4)
        {
            AccumulateFour(a + row, b, depth, target + (row * Columns));
        }
    }

    /// <summary>How the sums of six rows and sixteen columns are stored.</summary>
    /// <param name="target">What offsets of the target are counted from.</param>
    /// <param name="rows">The offset of each row's sixteen sums.</param>
    /// <param name="bias">Sixteen biases, one a column, or null.</param>
    /// <param name="residual">Laid out as the target, or null.</param>
    public readonly ref struct Epilogue(float* target, nint* rows, float* bias, float* residual, bool relu)
    {
        private readonly float* _target = target;
        private readonly nint* _rows = rows;
        private readonly float* _bias = bias;
        private readonly float* _residual = residual;
        private readonly bool _relu = relu;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(int row, Vector256<float> left, Vector256<float> right)
        {
            nint offset = _rows[row];
            if (_bias != null)
            {
                left += Avx.LoadVector256(_bias);
                right += Avx.LoadVector256(_bias + Lanes);
            }

            if (_residual != null)
            {
                left += Avx.LoadVector256(_residual + offset);
                right += Avx.LoadVector256(_residual + offset + Lanes);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulateFour(float* a, float* b, nint depth, float* target)
    {
        Vector256<float> s00 = Avx.LoadVector256(target + 0), s01 = Avx.LoadVector256(target + 8);
        Vector256<float> s10 = Avx.LoadVector256(target + 16), s11 = Avx.LoadVector256(target + 24);
        Vector256<float> s20 = Avx.LoadVector256(target + 32), s21 = Avx.LoadVector256(target + 40);
        Vector256<float> s30 = Avx.LoadVector256(target + 48), s31 = Avx.LoadVector256(target + 56);
        for (float* end = a + (depth * Columns); a < end; a += Columns, b += Columns)
        {
            Vector256<float> left = Avx.LoadVector256(b), right = Avx.LoadVector256(b + Lanes);
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

        s00.Store(target + 0);
        s01.Store(target + 8);
        s10.Store(target + 16);
        s11.Store(target + 24);
        s20.Store(target + 32);
        s21.Store(target + 40);
        s30.Store(target + 48);
        s31.Store(target + 56);
    }
}
