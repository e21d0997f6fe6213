using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <content>
/// The loops whose sums are in registers. The compiler keeps none there that is in an array: each has a name. Nor does .NET 8's where a method has
/// more calls than it inlines, which made these three times slower: vectors are read and written by pointers, and a row's products are written out.
/// </content>
internal static unsafe partial class MatrixKernel
{
    /// <summary>Six rows, four vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixByFour<T>(in Run run, in Epilogue epilogue, int panel, nint vectorStride)
        where T : unmanaged, ILanes<T>
    {
        nint* sources = run.Sources, targets = run.Targets;
        nint length = run.Length, lanes = T.Count;
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
                s00 = *(T*)(sums + targets[0]);
                s01 = *(T*)(sums + targets[0] + lanes);
                s02 = *(T*)(sums + targets[0] + (2 * lanes));
                s03 = *(T*)(sums + targets[0] + (3 * lanes));
                s10 = *(T*)(sums + targets[1]);
                s11 = *(T*)(sums + targets[1] + lanes);
                s12 = *(T*)(sums + targets[1] + (2 * lanes));
                s13 = *(T*)(sums + targets[1] + (3 * lanes));
                s20 = *(T*)(sums + targets[2]);
                s21 = *(T*)(sums + targets[2] + lanes);
                s22 = *(T*)(sums + targets[2] + (2 * lanes));
                s23 = *(T*)(sums + targets[2] + (3 * lanes));
                s30 = *(T*)(sums + targets[3]);
                s31 = *(T*)(sums + targets[3] + lanes);
                s32 = *(T*)(sums + targets[3] + (2 * lanes));
                s33 = *(T*)(sums + targets[3] + (3 * lanes));
                s40 = *(T*)(sums + targets[4]);
                s41 = *(T*)(sums + targets[4] + lanes);
                s42 = *(T*)(sums + targets[4] + (2 * lanes));
                s43 = *(T*)(sums + targets[4] + (3 * lanes));
                s50 = *(T*)(sums + targets[5]);
                s51 = *(T*)(sums + targets[5] + lanes);
                s52 = *(T*)(sums + targets[5] + (2 * lanes));
                s53 = *(T*)(sums + targets[5] + (3 * lanes));
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
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride), w2 = *(T*)(b + (2 * vectorStride)), w3 = *(T*)(b + (3 * vectorStride));
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

                    w0 = *(T*)(b + Columns);
                    w1 = *(T*)(b + Columns + vectorStride);
                    w2 = *(T*)(b + Columns + (2 * vectorStride));
                    w3 = *(T*)(b + Columns + (3 * vectorStride));
                    value = T.Broadcast(a0[k + 1]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    s02 = T.MultiplyAdd(value, w2, s02);
                    s03 = T.MultiplyAdd(value, w3, s03);
                    value = T.Broadcast(a1[k + 1]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    s12 = T.MultiplyAdd(value, w2, s12);
                    s13 = T.MultiplyAdd(value, w3, s13);
                    value = T.Broadcast(a2[k + 1]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    s22 = T.MultiplyAdd(value, w2, s22);
                    s23 = T.MultiplyAdd(value, w3, s23);
                    value = T.Broadcast(a3[k + 1]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    s32 = T.MultiplyAdd(value, w2, s32);
                    s33 = T.MultiplyAdd(value, w3, s33);
                    value = T.Broadcast(a4[k + 1]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    s42 = T.MultiplyAdd(value, w2, s42);
                    s43 = T.MultiplyAdd(value, w3, s43);
                    value = T.Broadcast(a5[k + 1]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                    s52 = T.MultiplyAdd(value, w2, s52);
                    s53 = T.MultiplyAdd(value, w3, s53);
                }

                if (k < length)
                {
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride), w2 = *(T*)(b + (2 * vectorStride)), w3 = *(T*)(b + (3 * vectorStride));
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
                    b += Columns;
                }
            }

            *(T*)(sums + targets[0]) = s00;
            *(T*)(sums + targets[0] + lanes) = s01;
            *(T*)(sums + targets[0] + (2 * lanes)) = s02;
            *(T*)(sums + targets[0] + (3 * lanes)) = s03;
            *(T*)(sums + targets[1]) = s10;
            *(T*)(sums + targets[1] + lanes) = s11;
            *(T*)(sums + targets[1] + (2 * lanes)) = s12;
            *(T*)(sums + targets[1] + (3 * lanes)) = s13;
            *(T*)(sums + targets[2]) = s20;
            *(T*)(sums + targets[2] + lanes) = s21;
            *(T*)(sums + targets[2] + (2 * lanes)) = s22;
            *(T*)(sums + targets[2] + (3 * lanes)) = s23;
            *(T*)(sums + targets[3]) = s30;
            *(T*)(sums + targets[3] + lanes) = s31;
            *(T*)(sums + targets[3] + (2 * lanes)) = s32;
            *(T*)(sums + targets[3] + (3 * lanes)) = s33;
            *(T*)(sums + targets[4]) = s40;
            *(T*)(sums + targets[4] + lanes) = s41;
            *(T*)(sums + targets[4] + (2 * lanes)) = s42;
            *(T*)(sums + targets[4] + (3 * lanes)) = s43;
            *(T*)(sums + targets[5]) = s50;
            *(T*)(sums + targets[5] + lanes) = s51;
            *(T*)(sums + targets[5] + (2 * lanes)) = s52;
            *(T*)(sums + targets[5] + (3 * lanes)) = s53;
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
        nint length = run.Length, lanes = T.Count;
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
                s00 = *(T*)(sums + targets[0]);
                s01 = *(T*)(sums + targets[0] + lanes);
                s10 = *(T*)(sums + targets[1]);
                s11 = *(T*)(sums + targets[1] + lanes);
                s20 = *(T*)(sums + targets[2]);
                s21 = *(T*)(sums + targets[2] + lanes);
                s30 = *(T*)(sums + targets[3]);
                s31 = *(T*)(sums + targets[3] + lanes);
                s40 = *(T*)(sums + targets[4]);
                s41 = *(T*)(sums + targets[4] + lanes);
                s50 = *(T*)(sums + targets[5]);
                s51 = *(T*)(sums + targets[5] + lanes);
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
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride);
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

                    w0 = *(T*)(b + Columns);
                    w1 = *(T*)(b + Columns + vectorStride);
                    value = T.Broadcast(a0[k + 1]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    s01 = T.MultiplyAdd(value, w1, s01);
                    value = T.Broadcast(a1[k + 1]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    s11 = T.MultiplyAdd(value, w1, s11);
                    value = T.Broadcast(a2[k + 1]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    s21 = T.MultiplyAdd(value, w1, s21);
                    value = T.Broadcast(a3[k + 1]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    s31 = T.MultiplyAdd(value, w1, s31);
                    value = T.Broadcast(a4[k + 1]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    s41 = T.MultiplyAdd(value, w1, s41);
                    value = T.Broadcast(a5[k + 1]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                    s51 = T.MultiplyAdd(value, w1, s51);
                }

                if (k < length)
                {
                    T w0 = *(T*)b, w1 = *(T*)(b + vectorStride);
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
                    b += Columns;
                }
            }

            *(T*)(sums + targets[0]) = s00;
            *(T*)(sums + targets[0] + lanes) = s01;
            *(T*)(sums + targets[1]) = s10;
            *(T*)(sums + targets[1] + lanes) = s11;
            *(T*)(sums + targets[2]) = s20;
            *(T*)(sums + targets[2] + lanes) = s21;
            *(T*)(sums + targets[3]) = s30;
            *(T*)(sums + targets[3] + lanes) = s31;
            *(T*)(sums + targets[4]) = s40;
            *(T*)(sums + targets[4] + lanes) = s41;
            *(T*)(sums + targets[5]) = s50;
            *(T*)(sums + targets[5] + lanes) = s51;
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
        nint length = run.Length, lanes = T.Count;
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
                s00 = *(T*)(sums + targets[0]);
                s10 = *(T*)(sums + targets[1]);
                s20 = *(T*)(sums + targets[2]);
                s30 = *(T*)(sums + targets[3]);
                s40 = *(T*)(sums + targets[4]);
                s50 = *(T*)(sums + targets[5]);
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
                    T w0 = *(T*)b;
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

                    w0 = *(T*)(b + Columns);
                    value = T.Broadcast(a0[k + 1]);
                    s00 = T.MultiplyAdd(value, w0, s00);
                    value = T.Broadcast(a1[k + 1]);
                    s10 = T.MultiplyAdd(value, w0, s10);
                    value = T.Broadcast(a2[k + 1]);
                    s20 = T.MultiplyAdd(value, w0, s20);
                    value = T.Broadcast(a3[k + 1]);
                    s30 = T.MultiplyAdd(value, w0, s30);
                    value = T.Broadcast(a4[k + 1]);
                    s40 = T.MultiplyAdd(value, w0, s40);
                    value = T.Broadcast(a5[k + 1]);
                    s50 = T.MultiplyAdd(value, w0, s50);
                }

                if (k < length)
                {
                    T w0 = *(T*)b;
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
                    b += Columns;
                }
            }

            *(T*)(sums + targets[0]) = s00;
            *(T*)(sums + targets[1]) = s10;
            *(T*)(sums + targets[2]) = s20;
            *(T*)(sums + targets[3]) = s30;
            *(T*)(sums + targets[4]) = s40;
            *(T*)(sums + targets[5]) = s50;
            if (run.IsLast && epilogue.DoesAnything)
            {
                epilogue.Apply<T>(targets, (int)Math.Min(Rows, end - sources), panel * Columns, T.Count);
            }
        }
    }
}
