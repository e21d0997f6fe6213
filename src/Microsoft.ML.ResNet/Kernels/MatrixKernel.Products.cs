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
        nint length = run.Length;
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
            float* sums = epilogue.Target + (panel * Columns);
            if (run.Continues)
            {
                s00 = T.Load(sums + targets[0]);
                s01 = T.Load(sums + targets[0] + T.Count);
                s02 = T.Load(sums + targets[0] + (2 * T.Count));
                s03 = T.Load(sums + targets[0] + (3 * T.Count));
                s10 = T.Load(sums + targets[1]);
                s11 = T.Load(sums + targets[1] + T.Count);
                s12 = T.Load(sums + targets[1] + (2 * T.Count));
                s13 = T.Load(sums + targets[1] + (3 * T.Count));
                s20 = T.Load(sums + targets[2]);
                s21 = T.Load(sums + targets[2] + T.Count);
                s22 = T.Load(sums + targets[2] + (2 * T.Count));
                s23 = T.Load(sums + targets[2] + (3 * T.Count));
                s30 = T.Load(sums + targets[3]);
                s31 = T.Load(sums + targets[3] + T.Count);
                s32 = T.Load(sums + targets[3] + (2 * T.Count));
                s33 = T.Load(sums + targets[3] + (3 * T.Count));
                s40 = T.Load(sums + targets[4]);
                s41 = T.Load(sums + targets[4] + T.Count);
                s42 = T.Load(sums + targets[4] + (2 * T.Count));
                s43 = T.Load(sums + targets[4] + (3 * T.Count));
                s50 = T.Load(sums + targets[5]);
                s51 = T.Load(sums + targets[5] + T.Count);
                s52 = T.Load(sums + targets[5] + (2 * T.Count));
                s53 = T.Load(sums + targets[5] + (3 * T.Count));
            }

            float* b = run.B + (panel * run.PanelStride);
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                nint k = 0;
                for (; k + 2 <= length; k += 2, b += 2 * Columns)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride), w2 = T.Load(b + (2 * vectorStride)), w3 = T.Load(b + (3 * vectorStride));
                    Row(a0[k], w0, w1, w2, w3, ref s00, ref s01, ref s02, ref s03);
                    Row(a1[k], w0, w1, w2, w3, ref s10, ref s11, ref s12, ref s13);
                    Row(a2[k], w0, w1, w2, w3, ref s20, ref s21, ref s22, ref s23);
                    Row(a3[k], w0, w1, w2, w3, ref s30, ref s31, ref s32, ref s33);
                    Row(a4[k], w0, w1, w2, w3, ref s40, ref s41, ref s42, ref s43);
                    Row(a5[k], w0, w1, w2, w3, ref s50, ref s51, ref s52, ref s53);

                    w0 = T.Load(b + Columns);
                    w1 = T.Load(b + Columns + vectorStride);
                    w2 = T.Load(b + Columns + (2 * vectorStride));
                    w3 = T.Load(b + Columns + (3 * vectorStride));
                    Row(a0[k + 1], w0, w1, w2, w3, ref s00, ref s01, ref s02, ref s03);
                    Row(a1[k + 1], w0, w1, w2, w3, ref s10, ref s11, ref s12, ref s13);
                    Row(a2[k + 1], w0, w1, w2, w3, ref s20, ref s21, ref s22, ref s23);
                    Row(a3[k + 1], w0, w1, w2, w3, ref s30, ref s31, ref s32, ref s33);
                    Row(a4[k + 1], w0, w1, w2, w3, ref s40, ref s41, ref s42, ref s43);
                    Row(a5[k + 1], w0, w1, w2, w3, ref s50, ref s51, ref s52, ref s53);
                }

                if (k < length)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride), w2 = T.Load(b + (2 * vectorStride)), w3 = T.Load(b + (3 * vectorStride));
                    Row(a0[k], w0, w1, w2, w3, ref s00, ref s01, ref s02, ref s03);
                    Row(a1[k], w0, w1, w2, w3, ref s10, ref s11, ref s12, ref s13);
                    Row(a2[k], w0, w1, w2, w3, ref s20, ref s21, ref s22, ref s23);
                    Row(a3[k], w0, w1, w2, w3, ref s30, ref s31, ref s32, ref s33);
                    Row(a4[k], w0, w1, w2, w3, ref s40, ref s41, ref s42, ref s43);
                    Row(a5[k], w0, w1, w2, w3, ref s50, ref s51, ref s52, ref s53);
                    b += Columns;
                }
            }

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
            if (run.IsLast && epilogue.DoesAnything)
            {
                epilogue.Apply<T>(targets, (int)Math.Min(Rows, end - sources), panel * Columns, 4 * T.Count);
            }
        }
    }

    /// <summary>Six rows, two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixByTwo<T>(in Run run, in Epilogue epilogue, int panel, nint vectorStride)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        nint length = run.Length;
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
            T s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
            float* sums = epilogue.Target + (panel * Columns);
            if (run.Continues)
            {
                s00 = T.Load(sums + targets[0]);
                s01 = T.Load(sums + targets[0] + T.Count);
                s10 = T.Load(sums + targets[1]);
                s11 = T.Load(sums + targets[1] + T.Count);
                s20 = T.Load(sums + targets[2]);
                s21 = T.Load(sums + targets[2] + T.Count);
                s30 = T.Load(sums + targets[3]);
                s31 = T.Load(sums + targets[3] + T.Count);
                s40 = T.Load(sums + targets[4]);
                s41 = T.Load(sums + targets[4] + T.Count);
                s50 = T.Load(sums + targets[5]);
                s51 = T.Load(sums + targets[5] + T.Count);
            }

            float* b = run.B + (panel * run.PanelStride);
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                nint k = 0;
                for (; k + 2 <= length; k += 2, b += 2 * Columns)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride);
                    Row(a0[k], w0, w1, ref s00, ref s01);
                    Row(a1[k], w0, w1, ref s10, ref s11);
                    Row(a2[k], w0, w1, ref s20, ref s21);
                    Row(a3[k], w0, w1, ref s30, ref s31);
                    Row(a4[k], w0, w1, ref s40, ref s41);
                    Row(a5[k], w0, w1, ref s50, ref s51);

                    w0 = T.Load(b + Columns);
                    w1 = T.Load(b + Columns + vectorStride);
                    Row(a0[k + 1], w0, w1, ref s00, ref s01);
                    Row(a1[k + 1], w0, w1, ref s10, ref s11);
                    Row(a2[k + 1], w0, w1, ref s20, ref s21);
                    Row(a3[k + 1], w0, w1, ref s30, ref s31);
                    Row(a4[k + 1], w0, w1, ref s40, ref s41);
                    Row(a5[k + 1], w0, w1, ref s50, ref s51);
                }

                if (k < length)
                {
                    T w0 = T.Load(b), w1 = T.Load(b + vectorStride);
                    Row(a0[k], w0, w1, ref s00, ref s01);
                    Row(a1[k], w0, w1, ref s10, ref s11);
                    Row(a2[k], w0, w1, ref s20, ref s21);
                    Row(a3[k], w0, w1, ref s30, ref s31);
                    Row(a4[k], w0, w1, ref s40, ref s41);
                    Row(a5[k], w0, w1, ref s50, ref s51);
                    b += Columns;
                }
            }

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
            if (run.IsLast && epilogue.DoesAnything)
            {
                epilogue.Apply<T>(targets, (int)Math.Min(Rows, end - sources), panel * Columns, 2 * T.Count);
            }
        }
    }

    /// <summary>Six rows, one vector of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six<T>(in Run run, in Epilogue epilogue, int panel)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        nint length = run.Length;
        for (nint* end = sources + run.RowCount; sources < end; sources += Rows, targets += Rows)
        {
            if (run.FetchesRows)
            {
                Fetch(run, sources, end);
            }

            T s00 = default, s10 = default, s20 = default, s30 = default, s40 = default, s50 = default;
            float* sums = epilogue.Target + (panel * Columns);
            if (run.Continues)
            {
                s00 = T.Load(sums + targets[0]);
                s10 = T.Load(sums + targets[1]);
                s20 = T.Load(sums + targets[2]);
                s30 = T.Load(sums + targets[3]);
                s40 = T.Load(sums + targets[4]);
                s50 = T.Load(sums + targets[5]);
            }

            float* b = run.B + (panel * run.PanelStride);
            for (int segment = 0; segment < run.SegmentCount; segment++)
            {
                float* origin = run.A + run.Segments[segment];
                float* a0 = origin + sources[0], a1 = origin + sources[1], a2 = origin + sources[2];
                float* a3 = origin + sources[3], a4 = origin + sources[4], a5 = origin + sources[5];
                nint k = 0;
                for (; k + 2 <= length; k += 2, b += 2 * Columns)
                {
                    T w0 = T.Load(b);
                    Row(a0[k], w0, ref s00);
                    Row(a1[k], w0, ref s10);
                    Row(a2[k], w0, ref s20);
                    Row(a3[k], w0, ref s30);
                    Row(a4[k], w0, ref s40);
                    Row(a5[k], w0, ref s50);

                    w0 = T.Load(b + Columns);
                    Row(a0[k + 1], w0, ref s00);
                    Row(a1[k + 1], w0, ref s10);
                    Row(a2[k + 1], w0, ref s20);
                    Row(a3[k + 1], w0, ref s30);
                    Row(a4[k + 1], w0, ref s40);
                    Row(a5[k + 1], w0, ref s50);
                }

                if (k < length)
                {
                    T w0 = T.Load(b);
                    Row(a0[k], w0, ref s00);
                    Row(a1[k], w0, ref s10);
                    Row(a2[k], w0, ref s20);
                    Row(a3[k], w0, ref s30);
                    Row(a4[k], w0, ref s40);
                    Row(a5[k], w0, ref s50);
                    b += Columns;
                }
            }

            s00.Store(sums + targets[0]);
            s10.Store(sums + targets[1]);
            s20.Store(sums + targets[2]);
            s30.Store(sums + targets[3]);
            s40.Store(sums + targets[4]);
            s50.Store(sums + targets[5]);
            if (run.IsLast && epilogue.DoesAnything)
            {
                epilogue.Apply<T>(targets, (int)Math.Min(Rows, end - sources), panel * Columns, T.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<T>(float value, T w0, T w1, T w2, T w3, ref T s0, ref T s1, ref T s2, ref T s3)
        where T : unmanaged, ILanes<T>
    {
        T values = T.Broadcast(value);
        s0 = T.MultiplyAdd(values, w0, s0);
        s1 = T.MultiplyAdd(values, w1, s1);
        s2 = T.MultiplyAdd(values, w2, s2);
        s3 = T.MultiplyAdd(values, w3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<T>(float value, T w0, T w1, ref T s0, ref T s1)
        where T : unmanaged, ILanes<T>
    {
        T values = T.Broadcast(value);
        s0 = T.MultiplyAdd(values, w0, s0);
        s1 = T.MultiplyAdd(values, w1, s1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<T>(float value, T w0, ref T s0)
        where T : unmanaged, ILanes<T>
    {
        T values = T.Broadcast(value);
        s0 = T.MultiplyAdd(values, w0, s0);
    }
}
