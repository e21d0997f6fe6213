using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <content>The loops whose sums are in registers. The compiler keeps none there that is in an array: each has a name.</content>
internal static unsafe partial class MatrixKernel
{
    /// <summary>Six rows, four vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixByFour<T>(in Run run, in Epilogue epilogue, int panel, nint vectorStride)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s01 = default, s02 = default, s03 = default;
            T s10 = default, s11 = default, s12 = default, s13 = default;
            T s20 = default, s21 = default, s22 = default, s23 = default;
            T s30 = default, s31 = default, s32 = default, s33 = default;
            T s40 = default, s41 = default, s42 = default, s43 = default;
            T s50 = default, s51 = default, s52 = default, s53 = default;
            if (run.Continues)
            {
                float* target = epilogue.Target + (panel * Columns);
                float* t0 = target + targets[0];
                float* t1 = target + targets[1];
                float* t2 = target + targets[2];
                float* t3 = target + targets[3];
                float* t4 = target + targets[4];
                float* t5 = target + targets[5];
                s00 = T.Load(t0);
                s01 = T.Load(t0 + T.Count);
                s02 = T.Load(t0 + (2 * T.Count));
                s03 = T.Load(t0 + (3 * T.Count));
                s10 = T.Load(t1);
                s11 = T.Load(t1 + T.Count);
                s12 = T.Load(t1 + (2 * T.Count));
                s13 = T.Load(t1 + (3 * T.Count));
                s20 = T.Load(t2);
                s21 = T.Load(t2 + T.Count);
                s22 = T.Load(t2 + (2 * T.Count));
                s23 = T.Load(t2 + (3 * T.Count));
                s30 = T.Load(t3);
                s31 = T.Load(t3 + T.Count);
                s32 = T.Load(t3 + (2 * T.Count));
                s33 = T.Load(t3 + (3 * T.Count));
                s40 = T.Load(t4);
                s41 = T.Load(t4 + T.Count);
                s42 = T.Load(t4 + (2 * T.Count));
                s43 = T.Load(t4 + (3 * T.Count));
                s50 = T.Load(t5);
                s51 = T.Load(t5 + T.Count);
                s52 = T.Load(t5 + (2 * T.Count));
                s53 = T.Load(t5 + (3 * T.Count));
            }

            float* b = run.B + (panel * run.PanelStride);
            nint length = run.Length;
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                for (nint k = 0; k < length; k++, b += Columns)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride), w2 = T.Load(b + (2 * vectorStride)), w3 = T.Load(b + (3 * vectorStride));
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    s02 = T.MultiplyAdd(value, w2, s02);
                    s03 = T.MultiplyAdd(value, w3, s03);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    s12 = T.MultiplyAdd(value, w2, s12);
                    s13 = T.MultiplyAdd(value, w3, s13);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    s22 = T.MultiplyAdd(value, w2, s22);
                    s23 = T.MultiplyAdd(value, w3, s23);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    s32 = T.MultiplyAdd(value, w2, s32);
                    s33 = T.MultiplyAdd(value, w3, s33);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    s42 = T.MultiplyAdd(value, w2, s42);
                    s43 = T.MultiplyAdd(value, w3, s43);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                    s52 = T.MultiplyAdd(value, w2, s52);
                    s53 = T.MultiplyAdd(value, w3, s53);
                }
            }

            float* sums = epilogue.Target + (panel * Columns);
            if (!run.IsLast)
            {
                s00.Store(sums + targets[0]);
                s01.Store(sums + targets[0] + T.Count);
                s02.Store(sums + targets[0] + (2 * T.Count));
                s03.Store(sums + targets[0] + (3 * T.Count));
                s10.Store(sums + targets[1]);
                s11.Store(sums + targets[1] + T.Count);
                s12.Store(sums + targets[1] + (2 * T.Count));
                s13.Store(sums + targets[1] + (3 * T.Count));
                s20.Store(sums + targets[2]);
                s21.Store(sums + targets[2] + T.Count);
                s22.Store(sums + targets[2] + (2 * T.Count));
                s23.Store(sums + targets[2] + (3 * T.Count));
                s30.Store(sums + targets[3]);
                s31.Store(sums + targets[3] + T.Count);
                s32.Store(sums + targets[3] + (2 * T.Count));
                s33.Store(sums + targets[3] + (3 * T.Count));
                s40.Store(sums + targets[4]);
                s41.Store(sums + targets[4] + T.Count);
                s42.Store(sums + targets[4] + (2 * T.Count));
                s43.Store(sums + targets[4] + (3 * T.Count));
                s50.Store(sums + targets[5]);
                s51.Store(sums + targets[5] + T.Count);
                s52.Store(sums + targets[5] + (2 * T.Count));
                s53.Store(sums + targets[5] + (3 * T.Count));
                continue;
            }

            int column = panel * Columns;
            T floor = epilogue.Floor<T>(), c0 = epilogue.Bias<T>(column), c1 = epilogue.Bias<T>(column + T.Count), c2 = epilogue.Bias<T>(column + (2 * T.Count)), c3 = epilogue.Bias<T>(column + (3 * T.Count));
            epilogue.Store(targets[0], column, s00 + c0, floor);
            epilogue.Store(targets[0], column + T.Count, s01 + c1, floor);
            epilogue.Store(targets[0], column + (2 * T.Count), s02 + c2, floor);
            epilogue.Store(targets[0], column + (3 * T.Count), s03 + c3, floor);
            epilogue.Store(targets[1], column, s10 + c0, floor);
            epilogue.Store(targets[1], column + T.Count, s11 + c1, floor);
            epilogue.Store(targets[1], column + (2 * T.Count), s12 + c2, floor);
            epilogue.Store(targets[1], column + (3 * T.Count), s13 + c3, floor);
            epilogue.Store(targets[2], column, s20 + c0, floor);
            epilogue.Store(targets[2], column + T.Count, s21 + c1, floor);
            epilogue.Store(targets[2], column + (2 * T.Count), s22 + c2, floor);
            epilogue.Store(targets[2], column + (3 * T.Count), s23 + c3, floor);
            epilogue.Store(targets[3], column, s30 + c0, floor);
            epilogue.Store(targets[3], column + T.Count, s31 + c1, floor);
            epilogue.Store(targets[3], column + (2 * T.Count), s32 + c2, floor);
            epilogue.Store(targets[3], column + (3 * T.Count), s33 + c3, floor);
            epilogue.Store(targets[4], column, s40 + c0, floor);
            epilogue.Store(targets[4], column + T.Count, s41 + c1, floor);
            epilogue.Store(targets[4], column + (2 * T.Count), s42 + c2, floor);
            epilogue.Store(targets[4], column + (3 * T.Count), s43 + c3, floor);
            epilogue.Store(targets[5], column, s50 + c0, floor);
            epilogue.Store(targets[5], column + T.Count, s51 + c1, floor);
            epilogue.Store(targets[5], column + (2 * T.Count), s52 + c2, floor);
            epilogue.Store(targets[5], column + (3 * T.Count), s53 + c3, floor);
        }
    }

    /// <summary>Six rows, two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixByTwo<T>(in Run run, in Epilogue epilogue, int panel, nint vectorStride)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
            T s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
            if (run.Continues)
            {
                float* target = epilogue.Target + (panel * Columns);
                float* t0 = target + targets[0];
                float* t1 = target + targets[1];
                float* t2 = target + targets[2];
                float* t3 = target + targets[3];
                float* t4 = target + targets[4];
                float* t5 = target + targets[5];
                s00 = T.Load(t0);
                s01 = T.Load(t0 + T.Count);
                s10 = T.Load(t1);
                s11 = T.Load(t1 + T.Count);
                s20 = T.Load(t2);
                s21 = T.Load(t2 + T.Count);
                s30 = T.Load(t3);
                s31 = T.Load(t3 + T.Count);
                s40 = T.Load(t4);
                s41 = T.Load(t4 + T.Count);
                s50 = T.Load(t5);
                s51 = T.Load(t5 + T.Count);
            }

            float* b = run.B + (panel * run.PanelStride);
            nint length = run.Length;
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                for (nint k = 0; k < length; k++, b += Columns)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride);
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                }
            }

            float* sums = epilogue.Target + (panel * Columns);
            if (!run.IsLast)
            {
                s00.Store(sums + targets[0]);
                s01.Store(sums + targets[0] + T.Count);
                s10.Store(sums + targets[1]);
                s11.Store(sums + targets[1] + T.Count);
                s20.Store(sums + targets[2]);
                s21.Store(sums + targets[2] + T.Count);
                s30.Store(sums + targets[3]);
                s31.Store(sums + targets[3] + T.Count);
                s40.Store(sums + targets[4]);
                s41.Store(sums + targets[4] + T.Count);
                s50.Store(sums + targets[5]);
                s51.Store(sums + targets[5] + T.Count);
                continue;
            }

            int column = panel * Columns;
            T floor = epilogue.Floor<T>(), c0 = epilogue.Bias<T>(column), c1 = epilogue.Bias<T>(column + T.Count);
            epilogue.Store(targets[0], column, s00 + c0, floor);
            epilogue.Store(targets[0], column + T.Count, s01 + c1, floor);
            epilogue.Store(targets[1], column, s10 + c0, floor);
            epilogue.Store(targets[1], column + T.Count, s11 + c1, floor);
            epilogue.Store(targets[2], column, s20 + c0, floor);
            epilogue.Store(targets[2], column + T.Count, s21 + c1, floor);
            epilogue.Store(targets[3], column, s30 + c0, floor);
            epilogue.Store(targets[3], column + T.Count, s31 + c1, floor);
            epilogue.Store(targets[4], column, s40 + c0, floor);
            epilogue.Store(targets[4], column + T.Count, s41 + c1, floor);
            epilogue.Store(targets[5], column, s50 + c0, floor);
            epilogue.Store(targets[5], column + T.Count, s51 + c1, floor);
        }
    }

    /// <summary>Six rows, one vector of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six<T>(in Run run, in Epilogue epilogue, int panel)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s10 = default, s20 = default, s30 = default, s40 = default, s50 = default;
            if (run.Continues)
            {
                float* target = epilogue.Target + (panel * Columns);
                float* t0 = target + targets[0];
                float* t1 = target + targets[1];
                float* t2 = target + targets[2];
                float* t3 = target + targets[3];
                float* t4 = target + targets[4];
                float* t5 = target + targets[5];
                s00 = T.Load(t0);
                s10 = T.Load(t1);
                s20 = T.Load(t2);
                s30 = T.Load(t3);
                s40 = T.Load(t4);
                s50 = T.Load(t5);
            }

            float* b = run.B + (panel * run.PanelStride);
            nint length = run.Length;
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                for (nint k = 0; k < length; k++, b += Columns)
                {
                    T w0 = T.Load(b);
                    T value = T.Broadcast(a0[k]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    value = T.Broadcast(a1[k]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    value = T.Broadcast(a2[k]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    value = T.Broadcast(a3[k]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    value = T.Broadcast(a4[k]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    value = T.Broadcast(a5[k]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                }
            }

            float* sums = epilogue.Target + (panel * Columns);
            if (!run.IsLast)
            {
                s00.Store(sums + targets[0]);
                s10.Store(sums + targets[1]);
                s20.Store(sums + targets[2]);
                s30.Store(sums + targets[3]);
                s40.Store(sums + targets[4]);
                s50.Store(sums + targets[5]);
                continue;
            }

            int column = panel * Columns;
            T floor = epilogue.Floor<T>(), c0 = epilogue.Bias<T>(column);
            epilogue.Store(targets[0], column, s00 + c0, floor);
            epilogue.Store(targets[1], column, s10 + c0, floor);
            epilogue.Store(targets[2], column, s20 + c0, floor);
            epilogue.Store(targets[3], column, s30 + c0, floor);
            epilogue.Store(targets[4], column, s40 + c0, floor);
            epilogue.Store(targets[5], column, s50 + c0, floor);
        }
    }

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
