using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <content>The loops whose sums are in registers. The compiler keeps none there that is in an array: each has a name.</content>
internal static unsafe partial class MatrixKernel
{
    /// <summary>Eight rows, two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulateEightByTwo<T>(float* a, float* b, nint vectorStride, nint depth, float* target, nint targetStride)
        where T : unmanaged, ILanes<T>
    {
        T s00 = T.Load(target), s01 = T.Load(target + targetStride);
        T s10 = T.Load(target + Columns), s11 = T.Load(target + Columns + targetStride);
        T s20 = T.Load(target + (2 * Columns)), s21 = T.Load(target + (2 * Columns) + targetStride);
        T s30 = T.Load(target + (3 * Columns)), s31 = T.Load(target + (3 * Columns) + targetStride);
        T s40 = T.Load(target + (4 * Columns)), s41 = T.Load(target + (4 * Columns) + targetStride);
        T s50 = T.Load(target + (5 * Columns)), s51 = T.Load(target + (5 * Columns) + targetStride);
        T s60 = T.Load(target + (6 * Columns)), s61 = T.Load(target + (6 * Columns) + targetStride);
        T s70 = T.Load(target + (7 * Columns)), s71 = T.Load(target + (7 * Columns) + targetStride);
        for (float* end = a + (depth * Columns); a < end; a += Columns, b += Columns)
        {
            T w0 = T.Load(b), w1 = T.Load(b + vectorStride);
            T value = T.Broadcast(a[0]);
            s00 = T.MultiplyAdd(value, w0, s00);
            s01 = T.MultiplyAdd(value, w1, s01);
            value = T.Broadcast(a[1]);
            s10 = T.MultiplyAdd(value, w0, s10);
            s11 = T.MultiplyAdd(value, w1, s11);
            value = T.Broadcast(a[2]);
            s20 = T.MultiplyAdd(value, w0, s20);
            s21 = T.MultiplyAdd(value, w1, s21);
            value = T.Broadcast(a[3]);
            s30 = T.MultiplyAdd(value, w0, s30);
            s31 = T.MultiplyAdd(value, w1, s31);
            value = T.Broadcast(a[4]);
            s40 = T.MultiplyAdd(value, w0, s40);
            s41 = T.MultiplyAdd(value, w1, s41);
            value = T.Broadcast(a[5]);
            s50 = T.MultiplyAdd(value, w0, s50);
            s51 = T.MultiplyAdd(value, w1, s51);
            value = T.Broadcast(a[6]);
            s60 = T.MultiplyAdd(value, w0, s60);
            s61 = T.MultiplyAdd(value, w1, s61);
            value = T.Broadcast(a[7]);
            s70 = T.MultiplyAdd(value, w0, s70);
            s71 = T.MultiplyAdd(value, w1, s71);
        }

        s00.Store(target);
        s01.Store(target + targetStride);
        s10.Store(target + Columns);
        s11.Store(target + Columns + targetStride);
        s20.Store(target + (2 * Columns));
        s21.Store(target + (2 * Columns) + targetStride);
        s30.Store(target + (3 * Columns));
        s31.Store(target + (3 * Columns) + targetStride);
        s40.Store(target + (4 * Columns));
        s41.Store(target + (4 * Columns) + targetStride);
        s50.Store(target + (5 * Columns));
        s51.Store(target + (5 * Columns) + targetStride);
        s60.Store(target + (6 * Columns));
        s61.Store(target + (6 * Columns) + targetStride);
        s70.Store(target + (7 * Columns));
        s71.Store(target + (7 * Columns) + targetStride);
    }

    /// <summary>Four rows, two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulateFourByTwo<T>(float* a, float* b, nint vectorStride, nint depth, float* target, nint targetStride)
        where T : unmanaged, ILanes<T>
    {
        T s00 = T.Load(target), s01 = T.Load(target + targetStride);
        T s10 = T.Load(target + Columns), s11 = T.Load(target + Columns + targetStride);
        T s20 = T.Load(target + (2 * Columns)), s21 = T.Load(target + (2 * Columns) + targetStride);
        T s30 = T.Load(target + (3 * Columns)), s31 = T.Load(target + (3 * Columns) + targetStride);
        for (float* end = a + (depth * Columns); a < end; a += Columns, b += Columns)
        {
            T w0 = T.Load(b), w1 = T.Load(b + vectorStride);
            T value = T.Broadcast(a[0]);
            s00 = T.MultiplyAdd(value, w0, s00);
            s01 = T.MultiplyAdd(value, w1, s01);
            value = T.Broadcast(a[1]);
            s10 = T.MultiplyAdd(value, w0, s10);
            s11 = T.MultiplyAdd(value, w1, s11);
            value = T.Broadcast(a[2]);
            s20 = T.MultiplyAdd(value, w0, s20);
            s21 = T.MultiplyAdd(value, w1, s21);
            value = T.Broadcast(a[3]);
            s30 = T.MultiplyAdd(value, w0, s30);
            s31 = T.MultiplyAdd(value, w1, s31);
        }

        s00.Store(target);
        s01.Store(target + targetStride);
        s10.Store(target + Columns);
        s11.Store(target + Columns + targetStride);
        s20.Store(target + (2 * Columns));
        s21.Store(target + (2 * Columns) + targetStride);
        s30.Store(target + (3 * Columns));
        s31.Store(target + (3 * Columns) + targetStride);
    }

    /// <summary>Eight rows, one vector of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AccumulateEight<T>(float* a, float* b, nint depth, float* target)
        where T : unmanaged, ILanes<T>
    {
        T s00 = T.Load(target);
        T s10 = T.Load(target + Columns);
        T s20 = T.Load(target + (2 * Columns));
        T s30 = T.Load(target + (3 * Columns));
        T s40 = T.Load(target + (4 * Columns));
        T s50 = T.Load(target + (5 * Columns));
        T s60 = T.Load(target + (6 * Columns));
        T s70 = T.Load(target + (7 * Columns));
        for (float* end = a + (depth * Columns); a < end; a += Columns, b += Columns)
        {
            T w0 = T.Load(b);
            T value = T.Broadcast(a[0]);
            s00 = T.MultiplyAdd(value, w0, s00);
            value = T.Broadcast(a[1]);
            s10 = T.MultiplyAdd(value, w0, s10);
            value = T.Broadcast(a[2]);
            s20 = T.MultiplyAdd(value, w0, s20);
            value = T.Broadcast(a[3]);
            s30 = T.MultiplyAdd(value, w0, s30);
            value = T.Broadcast(a[4]);
            s40 = T.MultiplyAdd(value, w0, s40);
            value = T.Broadcast(a[5]);
            s50 = T.MultiplyAdd(value, w0, s50);
            value = T.Broadcast(a[6]);
            s60 = T.MultiplyAdd(value, w0, s60);
            value = T.Broadcast(a[7]);
            s70 = T.MultiplyAdd(value, w0, s70);
        }

        s00.Store(target);
        s10.Store(target + Columns);
        s20.Store(target + (2 * Columns));
        s30.Store(target + (3 * Columns));
        s40.Store(target + (4 * Columns));
        s50.Store(target + (5 * Columns));
        s60.Store(target + (6 * Columns));
        s70.Store(target + (7 * Columns));
    }
}
